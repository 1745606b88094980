"""What somebody registered, and which names are known services."""

from __future__ import annotations

import pytest

from collector.analysers.domains import FOLDER, LONGEST, lines, registered, serves_all, split


@pytest.mark.parametrize(
    ("name", "before", "domain"),
    [
        ("www.example.com", "www", "example.com"),
        ("example.com.", "", "example.com"),
        ("WWW.Example.COM", "www", "example.com"),
        ("bip.gminaczujka.pl", "bip", "gminaczujka.pl"),
        ("poczta.czujka.gmina.pl", "poczta", "czujka.gmina.pl"),
        ("a.b.podatki.gov.pl", "a.b", "podatki.gov.pl"),
        ("www.czujka.ug.gov.pl", "www", "czujka.ug.gov.pl"),
        ("um.warszawa.pl", "", "um.warszawa.pl"),
        ("www.bbc.co.uk", "www", "bbc.co.uk"),
        ("camera.duckdns.org", "", "camera.duckdns.org"),
        ("deep.name.co.uk.example.net", "deep.name.co.uk", "example.net"),
    ],
)
def test_the_registered_domain_is_found(name: str, before: str, domain: str) -> None:
    assert split(name) == (before, domain)


@pytest.mark.parametrize(
    "name",
    [
        "com",
        "gov.pl",
        "ug.gov.pl",
        "localhost",
        "dc1.urzad.local",
        "10.in-addr.arpa",
        "a..b.com",
        "192.168.1.5",
        "wpad.lan",
        ".",
    ],
)
def test_what_nobody_registers_has_no_domain(name: str) -> None:
    assert registered(name) == ""


def test_a_name_of_any_length_costs_no_more_than_a_name() -> None:
    assert registered("x." * 126 + "com") == ""
    assert split("a." * 100_000 + "com") == ("", "")
    assert registered("a." * (LONGEST // 2 - 1) + "com") == "a.com"


@pytest.mark.parametrize(
    ("name", "serves"),
    [
        ("time.windows.com", True),
        ("A.B.avts.MCAFEE.com", True),
        ("microsoft.com", True),
        ("notmicrosoft.com", False),
        ("microsoft.com.example.net", False),
        ("com", False),
        ("", False),
    ],
)
def test_known_services_are_known_by_their_domain(name: str, serves: bool) -> None:
    assert serves_all(name) is serves


@pytest.mark.parametrize("file", ["suffixes.txt", "services.txt"])
def test_each_line_is_a_name_once_and_says_its_source(file: str) -> None:
    text = (FOLDER / file).read_text("utf-8").splitlines()
    names = [line for line in text if not line.startswith("#")]
    assert text[0].startswith("#")
    assert len(names) == len(set(names)) == len(lines(file))
    assert all(name == name.lower() and "." in name and not name.startswith(".") and " " not in name for name in names)


def test_no_service_is_a_suffix_under_which_anybody_has_a_name() -> None:
    assert not lines("suffixes.txt") & lines("services.txt")
    assert all(registered(name) for name in lines("services.txt"))
