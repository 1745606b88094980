"""Nothing found says something only where all could be compared; else there is a reason."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.stations.fresh import STALE
from appliance.vulnerabilities.standing import Standing, standing
from appliance.vulnerabilities.tables import shipped
from tests.appliance.vulnerabilities.test_matching import DEBIAN, WINDOWS, deb

FINE = dict.fromkeys(("system", "software", "package", "update"), "")


def of(system: dict[str, Any], problems: dict[str, str] | None = None, **sections: list[dict[str, Any]]) -> Standing:
    told = FINE | (problems or {})
    return standing({"system": [system], **sections}, told, {"Debian:12"}.__contains__, shipped())


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        ({}, ""),
        ({"os.full": "Windows Server 2025 Standard", "os.family": "ServerStandard", "os.kernel": "26100.1742"}, ""),
        ({"os.family": "EnterpriseS", "os.kernel": "17763.6000"}, ""),
        ({"os.family": "Professional", "os.kernel": "28000.1"}, ""),
        ({"os.family": "Professional", "os.kernel": "29999.1"}, "unknown_build"),
        ({"os.family": "ServerStandard", "os.kernel": "26200.1"}, "unknown_build"),
        ({"os.family": "EnterpriseS", "os.kernel": "26200.1"}, "unknown_build"),
        ({"os.kernel": "???"}, "unknown_build"),
        ({"os.kernel": "10.0.26100"}, "no_revision"),
        ({"os.kernel": "26100.0"}, "no_revision"),
    ],
)
def test_a_windows_is_compared_by_a_known_build_and_its_revision(system: dict[str, Any], reason: str) -> None:
    assert of(WINDOWS | system).reason == reason


@pytest.mark.parametrize("section", ["system", "software", "update"])
def test_a_windows_whose_sections_could_not_be_read_is_not_compared(section: str) -> None:
    assert of(WINDOWS, {section: "source_failed"}) == Standing("unread", section)
    assert of(WINDOWS, {section: STALE, "system": STALE}).reason == STALE
    told = {name: problem for name, problem in FINE.items() if name != section}
    assert standing({"system": [WINDOWS]}, told, bool, shipped()) == Standing("unread", section)


def test_a_linux_is_compared_by_its_packages_and_what_feeds_know() -> None:
    assert of(DEBIAN, {"software": "no_source", "update": "timeout"}) == Standing()
    assert of(DEBIAN, {"package": "timeout"}) == Standing("unread", "package")
    assert of(DEBIAN | {"os.version": "13"}).reason == "no_system_data"
    assert of({"inventory.name": "pc"}).reason == "no_system"


def test_a_version_that_is_none_is_named_and_not_passed_over() -> None:
    programs = [{"package.name": "Google Chrome", "package.version": "not a version"},
                {"package.name": "Płatnik", "package.version": "?"},
                {"package.name": "Microsoft Office Standard 2016", "package.version": ""}]  # fmt: skip
    assert of(WINDOWS, software=programs) == Standing("unread_version", "Google Chrome")
    assert of(DEBIAN, package=[deb("bash", "nonsense version"), deb("sudo", "1.9")]) == Standing(
        "unread_version", "bash"
    )
    assert len(of(WINDOWS, software=[{"package.name": f"7-Zip {'x' * 200}{n}"} for n in range(9)]).detail) <= 300
