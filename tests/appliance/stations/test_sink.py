"""What agents tell, written into the state: once, in bounds, compared by digest."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY, HOUR
from appliance.normalise import Event
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.state.stations import StationChange, StationFinding, StationItem, StationSection
from appliance.stations import look, sink
from appliance.stations.fresh import BELIEVED, STALE
from tests.appliance.stations.telling import AGENT, START, Machine, event, finding

OTHER = "00000000-0000-4000-8000-000000000002"
Sessions = sessionmaker[Session]


@pytest.fixture
def office(sessions: Sessions) -> Sessions:
    with writing(sessions) as session:
        for number, agent in enumerate((AGENT, OTHER)):
            session.add(Agent(id=agent, hostname=f"PC-{number}", certificate="0", expires_at=0, enrolled_at=0))
    return sessions


def take(sessions: Sessions, *events: Event, now: int = START + DAY) -> None:
    with writing(sessions) as session:
        sink.take(session, events, now)


def rows(sessions: Sessions, table: type[Any]) -> list[Any]:
    with sessions() as session:
        return list(session.scalars(select(table)))


def items(sessions: Sessions) -> dict[str, dict[str, Any]]:
    return {row.key: row.fields for row in rows(sessions, StationItem) if row.gone_at is None}


def changes(sessions: Sessions) -> list[tuple[str, str]]:
    return [(row.what, row.key) for row in rows(sessions, StationChange)]


A, B = {"package.name": "bash", "package.version": "5.2"}, {"package.name": "sudo", "inventory.list": ["x", "y"]}


def test_rounds_become_items_and_changes(office: Sessions) -> None:
    machine = Machine()
    take(office, *machine.round(bash=A, sudo=B))
    assert items(office) == {"bash": A, "sudo": B}
    assert changes(office) == []
    take(office, *machine.round(bash=A | {"package.version": "5.3"}))
    assert items(office) == {"bash": A | {"package.version": "5.3"}}
    assert changes(office) == [("changed", "bash"), ("gone", "sudo")]
    (section,) = rows(office, StationSection)
    assert (section.agrees, section.revision) == (True, 2)


def test_a_replay_changes_nothing(office: Sessions) -> None:
    machine = Machine()
    told = [*machine.round(bash=A, sudo=B), *machine.round(sudo=B)]
    for _ in range(3):
        take(office, *told)
    assert items(office) == {"sudo": B}
    assert len(rows(office, StationSection)) == 1
    assert [what for what, _ in changes(office)].count("gone") <= 1


def test_a_loss_is_seen_asked_for_once_and_mended(office: Sessions) -> None:
    machine = Machine()
    take(office, *machine.round(bash=A, sudo=B))
    lost = machine.round(vim=A)
    take(office, lost[-1])
    now = START + DAY
    with writing(office) as session:
        assert sink.refresh_wanted(session, AGENT, now)
        assert not sink.refresh_wanted(session, AGENT, now + HOUR)
        assert not sink.refresh_wanted(session, OTHER, now)
    take(office, *machine.whole(), now=now + HOUR)
    assert items(office) == {"vim": A}
    assert {("gone", "bash"), ("gone", "sudo"), ("new", "vim")} == set(changes(office))
    (section,) = rows(office, StationSection)
    assert section.agrees
    with writing(office) as session:
        assert not sink.refresh_wanted(session, AGENT, now + 2 * DAY)


def test_what_still_differs_is_asked_for_again_after_a_while(office: Sessions) -> None:
    machine = Machine()
    take(office, machine.round(bash=A)[-1])
    with writing(office) as session:
        assert sink.refresh_wanted(session, AGENT, START)
        assert not sink.refresh_wanted(session, AGENT, START + sink.ASK_AGAIN - 1)
        assert sink.refresh_wanted(session, AGENT, START + sink.ASK_AGAIN)


def test_an_agent_that_lost_its_memory_is_believed(office: Sessions) -> None:
    machine = Machine()
    for number in range(5):
        take(office, *machine.round(bash=A | {"package.version": str(number)}))
    machine.revision = 0
    take(office, *machine.round(sudo=B))
    with writing(office) as session:
        assert sink.refresh_wanted(session, AGENT, START + DAY)
    take(office, *machine.whole(), now=START + DAY + HOUR)
    assert items(office) == {"sudo": B}


def test_a_clock_that_is_ahead_does_not_outdate_what_follows(office: Sessions) -> None:
    machine = Machine()
    machine.at = START + 4000 * DAY
    take(office, *machine.round(bash=A), now=START)
    machine.at = START
    machine.revision = 0
    take(office, *machine.round(bash=A, sudo=B), now=START + HOUR)
    take(office, finding("firewall", "fail", 1, START + 4000 * DAY), now=START)
    take(office, finding("firewall", "pass", 1, START + HOUR), now=START + HOUR)
    assert [row.result for row in rows(office, StationFinding)] == ["pass"]
    assert "sudo" in items(office)


def test_stations_are_kept_apart_and_strangers_left_out(office: Sessions) -> None:
    strange = "00000000-0000-4000-8000-00000000000f"
    take(office, *Machine().round(a=A), *Machine(agent=OTHER).round(b=B), *Machine(agent=strange).round(c=A))
    assert {(row.agent_id, row.key) for row in rows(office, StationItem)} == {(AGENT, "a"), (OTHER, "b")}


def test_findings_and_their_history(office: Sessions) -> None:
    take(office, finding("disk_encryption", "fail", 1, START, reason="off", value="C: wyłączone"))
    take(office, finding("disk_encryption", "fail", 2, START + HOUR, reason="off", value="C: wyłączone"))
    take(office, finding("disk_encryption", "pass", 3, START + 2 * HOUR))
    (row,) = rows(office, StationFinding)
    assert (row.result, row.since, row.seen_at) == ("pass", START + 2 * HOUR, START + 2 * HOUR)
    (change,) = rows(office, StationChange)
    assert (change.before["result"], change.after["result"]) == ("fail", "pass")


@pytest.mark.parametrize(
    "broken",
    [
        {"inventory.section": "wishes"},
        {"inventory.section": ["package"]},
        {"inventory.key": ""},
        {"inventory.key": "x" * 301},
        {"inventory.key": 7},
        {"inventory.state": "perhaps"},
        {"inventory.revision": -1},
        {"inventory.revision": 1 << 63},
        {"inventory.revision": True},
        {"inventory.revision": "1"},
    ],
)
def test_what_has_not_the_form_is_left_aside(office: Sessions, broken: dict[str, Any]) -> None:
    good = {"event.module": "czujka.agent", "event.action": "inventory_item", "inventory.section": "package",
            "inventory.key": "bash", "inventory.state": "present", "inventory.revision": 1}  # fmt: skip
    take(office, event(good | broken, START))
    assert rows(office, StationItem) == []
    take(office, event(good, START))
    assert len(rows(office, StationItem)) == 1


@pytest.mark.parametrize("more", [{"posture.check": "../x"}, {"posture.result": "perhaps"}, {"posture.reason": "A b"}])
def test_a_broken_finding_is_left_aside(office: Sessions, more: dict[str, str]) -> None:
    good = {"event.module": "czujka.agent", "event.action": "posture_finding", "posture.check": "firewall",
            "posture.result": "pass", "posture.revision": 1}  # fmt: skip
    take(office, event(good | more, START))
    assert rows(office, StationFinding) == []
    take(office, event(good, START))
    assert len(rows(office, StationFinding)) == 1


def test_bounds_on_items_and_bytes_are_counted_and_not_asked_for(
    office: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "MAX_ITEMS", 2)
    machine = Machine()
    take(office, *machine.round(a=A, b=A, c=A))
    assert len(items(office)) == 2
    take(office, *machine.round(a=A, b=A, c=A, d={"inventory.text": "x" * 9000}))
    (section,) = rows(office, StationSection)
    assert section.refused >= 2
    with writing(office) as session:
        assert not sink.refresh_wanted(session, AGENT, START + DAY)
    monkeypatch.setattr(sink, "MAX_BYTES", 100)
    take(office, *machine.round(a=A | {"inventory.text": "x" * 200}, b=A))
    assert items(office) == {"a": A, "b": A}


def test_the_newest_changes_are_kept(office: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "MAX_CHANGES", 3)
    machine = Machine()
    for number in range(6):
        take(office, *machine.round(bash=A | {"package.version": str(number)}))
    assert [row.after["package.version"] for row in rows(office, StationChange)] == ["3", "4", "5"]


def test_a_section_that_could_not_be_read_says_so_until_it_can(office: Sessions) -> None:
    machine = Machine()
    told = machine.round(bash=A)
    take(office, *told, now=START + HOUR)
    machine.at += HOUR
    take(office, machine.state(problem="needs_root"), now=START + 2 * HOUR)
    (section,) = rows(office, StationSection)
    assert (section.problem, section.agrees) == ("needs_root", True)
    with office() as session:
        (shown,) = look.sections(session, AGENT, START + 2 * HOUR)
        assert (shown.problem, shown.count) == ("needs_root", 1)
    machine.at += HOUR
    take(office, machine.state(), now=START + 3 * HOUR)
    with office() as session:
        assert [one.problem for one in look.sections(session, AGENT, START + 3 * HOUR + BELIEVED)] == [""]
        assert [one.problem for one in look.sections(session, AGENT, START + 3 * HOUR + BELIEVED + 1)] == [STALE]
    take(office, machine.state(problem="<b>"), now=START + 4 * HOUR)
    assert [row.problem for row in rows(office, StationSection)] == [""]


def test_a_verdict_that_is_not_said_again_is_unknown_whatever_the_stations_clock_says(office: Sessions) -> None:
    for at, now in ((START - 30 * DAY, START), (START, START)):
        take(office, finding("firewall", "pass", 1, at), now=now)
    until = START + BELIEVED
    with office() as session:
        assert [one.result for one in look.findings(session, AGENT, until)] == ["pass"]
        assert look.figures(session, until)[AGENT].results == {"firewall": "pass"}
        (one,) = look.findings(session, AGENT, until + 1)
        assert (one.result, one.reason, one.told, one.since) == ("unknown", STALE, "pass", until)
        figures = look.figures(session, until + 1)[AGENT]
        assert figures.results == {"firewall": "unknown"}
        assert look.score(figures.results, {}) is None
    take(office, finding("firewall", "pass", 1, START + HOUR), now=until + DAY)
    with office() as session:
        assert [one.result for one in look.findings(session, AGENT, until + DAY)] == ["pass"]


def test_lone_surrogates_and_odd_texts_agree_with_the_agent(office: Sessions) -> None:
    machine = Machine()
    take(office, *machine.round(**{"zażółć\ud800": {"inventory.text": "a\udc00b<script>"}}))
    (section,) = rows(office, StationSection)
    assert section.agrees


def test_what_is_gone_for_long_is_forgotten(office: Sessions) -> None:
    machine = Machine()
    take(office, *machine.round(bash=A, sudo=B), *machine.round(bash=A))
    machine.at += sink.GONE_KEPT + 2 * DAY
    take(office, *machine.round(bash=A | {"package.version": "6"}), now=machine.at)
    assert [row.key for row in rows(office, StationItem)] == ["bash"]
