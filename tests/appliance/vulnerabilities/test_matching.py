"""What an inventory has of known weaknesses, and how that is kept and accepted."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from agent.posture import lifecycle
from agent.wire.editions import line
from appliance.clock import DAY, MINUTE
from appliance.state.database import writing
from appliance.state.models import Agent, Operation
from appliance.state.stations import StationMatched, StationWeakness
from appliance.stations import sink
from appliance.vulnerabilities import accepted
from appliance.vulnerabilities.accepted import AcceptanceFault, Wish
from appliance.vulnerabilities.feeds import Shelf
from appliance.vulnerabilities.matching import Weakness, ecosystem_of, every
from appliance.vulnerabilities.osv import Affected
from appliance.vulnerabilities.tables import shipped
from appliance.vulnerabilities.work import Matcher
from tests.appliance.stations.telling import AGENT, START, Machine
from tests.appliance.vulnerabilities.test_feeds import NOW, pack, shelf

__all__ = ["shelf"]
TODAY = date(2026, 11, 23)
DEBIAN = {"os.type": "linux", "os.family": "debian", "os.version": "12", "os.full": "Debian GNU/Linux 12 (bookworm)"}
WINDOWS = {"os.type": "windows", "os.full": "Windows 11 Pro 24H2", "os.kernel": "10.0.26100.1742"}


def deb(name: str, version: str, source: str = "", source_version: str = "") -> dict[str, Any]:
    told = {"package.name": name, "package.version": version, "package.type": "deb"}
    return told | ({"inventory.source": source, "inventory.source_version": source_version} if source else {})


def found(**sections: list[dict[str, Any]]) -> list[Weakness]:
    def affecting(ecosystem: str, package: str) -> list[Affected]:
        known = {
            ("Debian:12", "bash"): [Affected("CVE-2024-1", ecosystem, "bash", "0", "5.2.15-3", "t", "high")],
            ("Debian:12", "openssl"): [Affected("CVE-2024-2", ecosystem, "openssl", "3.0.0-1", "", "t", "")],
        }
        return known.get((ecosystem, package), [])

    return every(sections, affecting, shipped(), TODAY)


def names(weaknesses: list[Weakness]) -> set[str]:
    return {one.name for one in weaknesses}


def test_packages_are_matched_by_their_source_and_counted_once() -> None:
    packages = [deb("bash", "5.2.15-2"), deb("libssl3", "3.0.9-1", "openssl", "3.0.9-1"),
                deb("openssl", "3.0.9-1", "openssl", "3.0.9-1")]  # fmt: skip
    assert {(one.name, one.product, one.fixed) for one in found(system=[DEBIAN], package=packages)} == {
        ("CVE-2024-1", "bash", "5.2.15-3"), ("CVE-2024-2", "openssl", "")}  # fmt: skip


@pytest.mark.parametrize("version", ["5.2.15-3", "5.3", "1:0.1", "nonsense version", "", "5.2.15-3~" * 30])
def test_fixed_and_nonsense_versions_have_none(version: str) -> None:
    assert found(system=[DEBIAN], package=[deb("bash", version)]) == []


def test_a_version_before_the_fault_came_has_none() -> None:
    assert found(system=[DEBIAN], package=[deb("openssl", "1.1.1n-0")]) == []


@pytest.mark.parametrize(
    ("system", "name"),
    [(DEBIAN, "Debian:12"), ({"os.family": "ubuntu", "os.version": "22.04"}, "Ubuntu:22.04"), (WINDOWS, ""), ({}, ""),
     ({"os.family": "debian", "os.version": "12; DROP"}, ""),
     ({"os.family": "debian", "os.version": "12.5"}, "Debian:12")],
)  # fmt: skip
def test_the_release_as_osv_names_it(system: dict[str, Any], name: str) -> None:
    assert ecosystem_of(system) == name


@pytest.mark.parametrize(
    ("name", "version", "weak"),
    [
        ("7-Zip 22.01 (x64)", "22.01", {"CVE-2025-0411", "CVE-2025-55188"}),
        ("7-Zip 24.09 (x64)", "24.09", {"CVE-2025-55188"}),
        ("7-Zip 25.01 (x64)", "25.01.00.0", set()),
        ("WinRAR 7.11 (64-bit)", "7.11.0", {"CVE-2025-8088"}),
        ("WinRAR 7.13 (64-bit)", "7.13.0", set()),
        ("PuTTY release 0.67", "0.67.0.0", set()),
        ("PuTTY release 0.80 (64-bit)", "0.80.0.0", {"CVE-2024-31497"}),
        ("Mozilla Firefox (x64 pl)", "129.0", {"CVE-2024-8383"}),
        ("Mozilla Firefox ESR (x64 pl)", "128.2.0", set()),
        ("Mozilla Firefox ESR (x64 pl)", "128.1.0", {"CVE-2024-8383"}),
        ("Microsoft Office Standard 2016", "16.0.4266.1001", {"END-OFFICE-2016"}),
        ("Microsoft Office LTSC Standard 2024 - pl-pl", "16.0.17932", set()),
        ("Google Chrome", "not a version", set()),
        ("NotWinRAR 1", "1", set()),
        ("", "1", set()),
    ],
)
def test_office_software(name: str, version: str, weak: set[str]) -> None:
    supported = WINDOWS | {"os.full": "Windows 11 Enterprise", "os.kernel": "10.0.26100.9999"}
    programs = [{"package.name": name, "package.version": version}]
    assert names(found(system=[supported], software=programs)) == weak
    assert found(system=[DEBIAN], software=programs) == []


@pytest.mark.parametrize(
    ("system", "weak"),
    [
        ({}, {"END-WINDOWS-11-24H2", "KB5065426"}),
        ({"os.full": "Windows 11 Enterprise"}, {"KB5065426"}),
        ({"os.full": "Windows 11 Enterprise", "os.kernel": "10.0.26100.6584"}, set()),
        ({"os.full": "Windows 10 Pro", "os.kernel": "10.0.19045.6456"}, {"END-WINDOWS-10-22H2"}),
        ({"os.full": "Windows Server 2025", "os.kernel": "10.0.26100.1"}, set()),
        ({"os.family": "EnterpriseS", "os.kernel": "19044.5000"}, set()),
        ({"os.full": "Windows 10 Enterprise LTSC 2021", "os.kernel": "19044.5000"}, set()),
        ({"os.family": "IoTEnterpriseS", "os.kernel": "19044.5000"}, set()),
        ({"os.family": "Enterprise", "os.kernel": "19044.5000"}, {"END-WINDOWS-10-21H2"}),
        ({"os.family": "EnterpriseS", "os.kernel": "14393.1"}, {"END-WINDOWS-10-LTSB-2016"}),
        ({"os.family": "EnterpriseS", "os.full": "Windows 10 Enterprise", "os.kernel": "17763.1"}, set()),
        (
            {"os.family": "Professional", "os.full": "Windows 10 Enterprise", "os.kernel": "22631.9999"},
            {"END-WINDOWS-11-23H2"},
        ),
        ({"os.kernel": "???"}, set()),
    ],
)
def test_builds_of_windows(system: dict[str, Any], weak: set[str]) -> None:
    assert names(found(system=[WINDOWS | system])) == weak


def test_waiting_security_updates_of_windows() -> None:
    told = [{"package.name": "2026-11 Cumulative Update (KB5099999)", "inventory.security": True},
            {"package.name": "Optional driver", "inventory.security": False}]  # fmt: skip
    system = WINDOWS | {"os.full": "Windows 11 Enterprise", "os.kernel": "10.0.26100.9999"}
    assert names(found(system=[system], update=told)) == {"KB5099999"}
    assert found(system=[DEBIAN], update=told) == []


@pytest.mark.parametrize(
    ("edition", "name"),
    [("Professional", "client"), ("Enterprise", "business"), ("EnterpriseS", "ltsc"), ("IoTEnterpriseS", "iot"),
     ("ServerStandard", "server")],
)  # fmt: skip
def test_the_page_and_the_agent_tell_the_same_end_of_support(edition: str, name: str) -> None:
    rows = [row for row in shipped().builds if row.line == line(edition)]
    assert rows, name
    for row in rows:
        end = (row.business or row.end) if name == "business" else row.end
        for day, result in ((end, "pass"), (end + timedelta(days=1), "fail")):
            noon = datetime.combine(day, time(12), UTC).timestamp()
            if row.build > 10_000:
                assert lifecycle.windows(row.build, edition, row.release, noon).result == result, row.release


def test_every_shipped_fact_has_its_source_and_some_program_that_it_is_of() -> None:
    tables = shipped()
    assert len(tables.software) > 20
    assert all(row.checked <= TODAY for row in [*tables.software, *tables.builds])
    assert {row.product for row in tables.software if row.verified} >= {"7-Zip", "WinRAR", "PuTTY", "Google Chrome"}


@pytest.fixture
def matcher(sessions: sessionmaker[Session], shelf: Shelf, tmp_path: Path) -> Matcher:
    shelf.take(pack(tmp_path / "in"), NOW)
    machine, system = Machine("package"), Machine("system")
    with writing(sessions) as session:
        session.add(Agent(id=AGENT, hostname="PC-1", certificate="0", expires_at=0, enrolled_at=0))
        session.flush()
        sink.take(session, machine.round(bash=deb("bash", "5.2.15-2")) + system.round(os=DEBIAN), START)
    return Matcher(shelf, sessions)


def weak(matcher: Matcher) -> list[StationWeakness]:
    with matcher.sessions() as session:
        return list(session.scalars(select(StationWeakness).order_by(StationWeakness.name)))


def compared(matcher: Matcher) -> StationMatched:
    with matcher.sessions() as session:
        return session.get_one(StationMatched, AGENT)


def test_a_station_is_compared_when_something_changed_and_only_then(matcher: Matcher, tmp_path: Path) -> None:
    assert (matcher.round(NOW), matcher.round(NOW + MINUTE)) == (1, 0)
    assert compared(matcher).judged
    assert [(row.name, row.exploited, row.fixed) for row in weak(matcher)] == [
        ("CVE-2024-1000", True, "5.2.15-3"), ("DSA-5001-1", False, "5.2.15-3")]  # fmt: skip
    machine = Machine("package")
    machine.revision, machine.at = 1, START + DAY
    with writing(matcher.sessions) as session:
        sink.take(session, machine.round(bash=deb("bash", "5.2.15-3")), START + DAY)
    assert matcher.round(NOW + MINUTE) == 1
    assert [row.gone_at for row in weak(matcher)] == [NOW + MINUTE] * 2
    matcher.shelf.back()
    assert matcher.round(NOW + 2 * MINUTE) == 1
    assert not compared(matcher).judged


def test_a_station_whose_packages_could_not_be_read_is_compared_anew_and_says_so(matcher: Matcher) -> None:
    matcher.round(START)
    assert compared(matcher).judged
    machine = Machine("package")
    machine.items, machine.revision, machine.at = {"bash": deb("bash", "5.2.15-2")}, 1, START + MINUTE
    with writing(matcher.sessions) as session:
        sink.take(session, [machine.state(problem="timeout")], START + MINUTE)
    assert matcher.round(START + MINUTE) == 1
    assert (compared(matcher).judged, compared(matcher).reason, compared(matcher).detail) == (
        False,
        "unread",
        "package",
    )
    assert len(weak(matcher)) == 2
    assert matcher.round(START + 3 * DAY) == 1
    assert compared(matcher).reason == "stale"


def test_an_acceptance_has_a_reason_an_end_and_a_place_in_the_log(matcher: Matcher) -> None:
    matcher.round(NOW)
    with writing(matcher.sessions) as session:
        for wish in (Wish("CVE-2024-1000", " ", NOW + DAY), Wish("CVE-2024-1000", "x", NOW),
                     Wish("CVE-2024-1000", "x", NOW + 400 * DAY), Wish("CVE-1999-1", "x", NOW + DAY),
                     Wish("CVE-2024-1000", "x", NOW + DAY, "other")):  # fmt: skip
            with pytest.raises(AcceptanceFault):
                accepted.accept(session, wish, "anna", NOW)
        row = accepted.accept(session, Wish("CVE-2024-1000", "sieć odcięta", NOW + DAY), "anna", NOW)
        assert [one.accepted is not None for one in accepted.known(session, NOW)] == [False, True]
        assert [one.accepted is not None for one in accepted.known(session, NOW + DAY)] == [False, False]
        accepted.withdraw(session, row.id, "anna", NOW + 1)
        with pytest.raises(AcceptanceFault):
            accepted.withdraw(session, row.id, "anna", NOW + 1)
        assert accepted.in_force(session, NOW + 2) == []
    with matcher.sessions() as session:
        actions = list(session.scalars(select(Operation.action)))
    assert actions == ["weakness.accepted", "weakness.acceptance_withdrawn"]


def test_what_is_used_in_attacks_comes_first(matcher: Matcher) -> None:
    matcher.round(NOW)
    with matcher.sessions() as session:
        first, second = accepted.known(session, NOW)
    assert (first.name, first.exploited, first.stations) == ("CVE-2024-1000", True, {AGENT: "PC-1"})
    assert not second.exploited
