"""How far a roll-out is: each station in its ring and how it stands; versions and packages in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from agent.wire.update import RINGS, place
from appliance.packages import deb, update
from appliance.packages.shelf import put
from appliance.state.models import Agent, AgentState
from appliance.state.updates import Rollout, RolloutState, WentBack
from appliance.stations.silence import SILENT
from appliance.updates import rollouts
from appliance.updates.progress import Standing, progress, shelved, stations, versions

NOW = 1_790_000_000_000_000
OLD, NEW = "1.9.0", "1.10.0"


def agent(number: int, version: str = OLD, seen_at: int | None = NOW, **more: object) -> Agent:
    values = {"id": f"00000000-0000-4000-8000-{number:012d}", "hostname": f"pc-{number}", "version": version,
              "certificate": "0", "expires_at": NOW, "enrolled_at": 0, "seen_at": seen_at, "sensors": []}  # fmt: skip
    return Agent(**values | more)


def rolled(session: Session, ring: int = 100, **more: object) -> Rollout:
    values = {"version": NEW, "sha256": "0" * 64, "size": 1, "ring": ring, "not_before": 0,
              "state": RolloutState.GOING, "started_at": 1, "changed_at": 1}  # fmt: skip
    row = Rollout(**values | more)
    session.add(row)
    return row


@pytest.mark.parametrize(
    ("station", "standing"),
    [
        ({"version": NEW}, Standing.HAS),
        ({"version": "1.11.0"}, Standing.HAS),
        ({}, Standing.WAITS),
        ({"version": ""}, Standing.WAITS),
        ({"version": "<b>"}, Standing.WAITS),
        ({"seen_at": NOW - SILENT}, Standing.SILENT),
        ({"seen_at": None}, Standing.SILENT),
    ],
)
def test_a_station_stands_by_what_it_runs_and_when_it_was_heard(
    session: Session, station: dict[str, Any], standing: Standing
) -> None:
    session.add(agent(1, **station))
    (one,) = progress(session, rolled(session), NOW).places
    assert one.standing is standing


@pytest.mark.parametrize(
    ("said", "station", "standing"),
    [
        (["power"], {}, Standing.POWER),
        (["power", "busy"], {}, Standing.BUSY),
        (["power", ""], {}, Standing.WAITS),
        (["has"], {}, Standing.WAITS),
        (["power"], {"seen_at": NOW - SILENT}, Standing.SILENT),
        (["power"], {"version": NEW}, Standing.HAS),
    ],
)
def test_a_station_that_puts_it_off_says_why(
    session: Session, said: list[str], station: dict[str, Any], standing: Standing
) -> None:
    session.add(agent(1, **station))
    for number, why in enumerate(said):
        rollouts.note_wait(session, agent(1).id, why, number)
    (one,) = progress(session, rolled(session), NOW).places
    assert one.standing is standing
    assert one.wait is None or one.wait.since == len(said) - 1


def test_who_went_back_stands_so_until_it_has_the_version_by_other_means(session: Session) -> None:
    row = rolled(session)
    session.add_all([agent(1), agent(2, NEW)])
    session.add_all([WentBack(agent_id=agent(n).id, version=NEW, reason="crashed", at=5) for n in (1, 2)])
    session.add(WentBack(agent_id=agent(1).id, version=OLD, reason="silent", at=4))
    found = {one.agent.hostname: one for one in progress(session, row, NOW).places}
    assert [found[name].standing for name in ("pc-1", "pc-2")] == [Standing.BACK, Standing.HAS]
    assert found["pc-1"].back is not None
    assert found["pc-1"].back.reason == "crashed"


@pytest.mark.parametrize(
    "more", [{"state": RolloutState.STOPPED}, {"state": RolloutState.ENDED}, {"not_before": NOW + 1}]
)
def test_what_is_not_offered_now_nobody_waits_for(session: Session, more: dict[str, Any]) -> None:
    session.add(agent(1))
    (one,) = progress(session, rolled(session, **more), NOW).places
    assert one.standing is Standing.LATER


def test_rings_are_those_that_the_gateway_offers_by(session: Session) -> None:
    session.add_all([agent(number) for number in range(60)])
    row = rolled(session, ring=25)
    session.flush()
    found = progress(session, row, NOW)
    assert [one.ring for one in found.rings] == list(RINGS)
    assert [one.open for one in found.rings] == [True, True, False]
    assert sum(one.total for one in found.rings) == 60
    for one in found.places:
        offered = rollouts.offered(session, one.agent.id, NEW, NOW)
        assert (one.standing is Standing.WAITS) == (offered is not None)
        assert place(one.agent.id, NEW) < one.ring
    assert found.count(Standing.WAITS) == len(found.those(Standing.WAITS)) > 0


def test_sensors_of_the_network_and_revoked_stations_are_left_out(session: Session) -> None:
    sensor = agent(2, sensors=[{"name": "network", "state": "on", "figures": {"frames": 1}}])
    session.add_all([agent(1), sensor, agent(3, state=AgentState.REVOKED)])
    row = rolled(session)
    session.flush()
    assert [one.hostname for one in stations(session)] == ["pc-1"]
    assert rollouts.commands(session, sensor.id, OLD, NOW) == []
    assert len(rollouts.commands(session, agent(1).id, OLD, NOW)) == 1
    assert len(progress(session, row, NOW).places) == 1


def test_versions_are_told_by_number_the_latest_first() -> None:
    found = versions([agent(1), agent(2, NEW), agent(3, ""), agent(4, NEW)])
    assert [(name, len(of)) for name, of in found.items()] == [(NEW, 2), (OLD, 1), ("", 1)]


def test_the_shelf_says_when_and_whether_signed(tmp_path: Path) -> None:
    put(tmp_path, update.name_of(NEW), b"four")
    (tmp_path / f"{update.name_of(NEW)}.sig").write_bytes(b"x")
    put(tmp_path, deb.name_of(OLD), b"!")
    first, second = shelved(tmp_path)
    assert (first.kind, first.version, first.signed) == ("deb", OLD, False)
    assert (second.size, second.signed) == (4, True)
    assert shelved(tmp_path / "nowhere") == []
