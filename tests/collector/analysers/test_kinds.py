"""What a device seems to be, from what it says and what it answers on."""

from __future__ import annotations

import pytest

from collector.analysers import kinds
from collector.analysers.cards import KINDS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("npi4f2a10", "printer"),
        ("brw2c6fc9112233", "printer"),
        ("drukarka-sekretariat", "printer"),
        ("sep001122334455", "phone"),
        ("kamera-3", "camera"),
        ("rejestrator", "camera"),
        ("kiosk-parter", "terminal"),
        ("iphone", "mobile"),
        ("android-2f1b", "mobile"),
        ("sw-pietro1", "network"),
        ("ap12", "network"),
        ("srv-pliki", "server"),
        ("dc01", "server"),
        ("desktop-4gt1k2m", "station"),
        ("pc-017", "station"),
        ("nasza-klasa", ""),
        ("apteka", ""),
        ("camilla-pc", ""),
        ("kowalska", ""),
    ],
)
def test_names(name: str, kind: str) -> None:
    assert kinds.guess(dict(kinds.by_name(name))) == kind


@pytest.mark.parametrize(
    ("software", "asked", "kind"),
    [
        ("MSFT 5.0", "1,3,6,15,31,33,43,44,46,47,119,121,249,252", "station"),
        ("android-dhcp-14", "1,3,6,15,26,28,51,58,59,43,114,108", "mobile"),
        ("", "1,121,3,6,15,108,114,119,252", "mobile"),
        ("", "1,121,3,6,15,114,119,162,252,95,44,46", "station"),
        ("Hewlett-Packard JetDirect", "6,3,1,15,66,67,13,44,12", "printer"),
        ("yealink", "1,3,6,12,15,43", "phone"),
        ("udhcp 1.36.1", "1,3,6,12,15,28,42", ""),
    ],
)
def test_questions_to_dhcp(software: str, asked: str, kind: str) -> None:
    assert kinds.guess(dict(kinds.by_dhcp({"client_software": software, "param_list": asked}))) == kind


def test_what_says_more_decides_and_a_draw_says_nothing() -> None:
    assert kinds.guess({}) == ""
    assert kinds.guess({"card": "station", "mdns": "printer"}) == "printer"
    assert kinds.guess({"card": "network", "asked": "station"}) == ""
    assert kinds.guess({"card": "network", "asked": "station", "name": "station"}) == "station"


def test_cards_ports_and_announcements() -> None:
    assert dict(kinds.by_card("52:54:00:11:22:33")) == {"card": "virtual"}
    assert dict(kinds.by_card("da:a1:19:11:22:33")) == {}
    assert dict(kinds.by_card("00:40:8c:11:22:33")) == {"card": "camera"}
    assert [kinds.by_port(port) for port in (9100, 554, 443)] == ["printer", "camera", ""]
    assert dict(kinds.by_announcement("HP LaserJet._ipp._tcp.local")) == {"mdns": "printer"}
    assert dict(kinds.by_announcement("x." * 100)) == {}
    assert dict(kinds.by_capabilities(["bridge", "telephone"])) == {"lldp": "phone"}
    assert dict(kinds.by_capabilities(["router"])) == {"lldp": "network"}
    assert dict(kinds.by_capabilities(["host"])) == {}
    assert dict(kinds.by_upnp("urn:schemas-upnp-org:device:DigitalSecurityCamera:1")) == {"ssdp": "camera"}
    assert dict(kinds.by_upnp("urn:schemas-upnp-org:service:Printer:1")) == dict(kinds.by_upnp("upnp:rootdevice")) == {}


def test_every_kind_is_one_of_the_kinds() -> None:
    tables = (kinds._CLASSES, kinds._ASKED, kinds._NAMES)
    found = {kind for table in tables for _, kind in table} | {*kinds._ANNOUNCED.values(), *kinds._PORTS.values()}
    assert found <= KINDS
