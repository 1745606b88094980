"""A newer version at the real gateway: whom it is for fetches it, checks it and puts it on trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from agent.update import fetch, files
from agent.update.state import State
from agent.wire.envelope import HEARTBEAT_PATH, UPDATE_PATH
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.transport import Box as Connection
from agent.wire.transport import Permanent, client_context
from agent.wire.update import place
from appliance import clock
from appliance.intake.enrolment import PACKAGE_PATH, download_key
from appliance.packages import update
from appliance.packages.shelf import put
from appliance.state.updates import Rollout, RolloutState, UpdateWait
from appliance.updates import rollouts
from tests.agent.update.offer import package
from tests.appliance.intake.box import NUMBERS, Box, Station

NEW = "99.3.0"


def station_of(box: Box, ring: int) -> Station:
    """A station inside the ring, or outside when it is negative."""
    while True:
        number = next(NUMBERS)
        there = place(f"00000000-0000-4000-8000-{number:012d}", NEW)
        if there < ring if ring > 0 else there >= -ring:
            return box.station(number)


def heard(box: Box, station: Station, **more: object) -> list[object]:
    status, answer, _ = box.call(station, HEARTBEAT_PATH, {"hostname": "pc", "version": "0.1.0", **more})
    assert status == 200, answer
    assert isinstance(answer["commands"], list)
    return answer["commands"]


def test_a_version_goes_to_its_ring_and_stops_when_stations_go_back(box: Box, tmp_path: Path) -> None:
    inside, other, outside = station_of(box, 5), station_of(box, 5), station_of(box, -5)
    put(box.home.agent_packages, update.name_of(NEW), package(NEW))
    with Session(box.engine) as session, session.begin():
        rollouts.start(session, box.home.agent_packages, "anna", clock.now())
    assert len(heard(box, inside)) == 1
    assert heard(box, outside) == []
    for said, kept in (("power", "power"), ("<b>", ""), ("busy", "busy"), ("", "")):
        heard(box, inside, update_waits=said)
        with Session(box.engine) as session:
            row = session.get(UpdateWait, inside.id)
            assert (row.why if row else "") == kept
    assert box.call(inside, HEARTBEAT_PATH, {"hostname": "pc", "update_waits": 7})[0] == 400

    home = AgentHome(tmp_path / "agent")
    home.create()
    home.ca.write_bytes(box.home.ca.read_bytes())
    url = f"https://127.0.0.1:{box.port}"
    home.save_identity(Identity(inside.id, (url,), 1, 2))
    with Connection([url], client_context(home.ca, inside.pair, inside.pair)) as connection:
        assert fetch.take(connection, home, NEW)
    assert files.load(home.folder) == State("", NEW)
    with Connection([url], client_context(home.ca, outside.pair, outside.pair)) as refused:
        with pytest.raises(Permanent, match="404"):
            refused.post_json(UPDATE_PATH, {"version": NEW})
        with pytest.raises(Permanent, match="404"):
            refused.post_json(UPDATE_PATH, {"version": "../state"})
        with pytest.raises(Permanent, match="400"):
            refused.post_json(UPDATE_PATH, {})

    failed = {"version": NEW, "reason": "silent"}
    assert heard(box, inside, update_failed=failed) == []
    assert heard(box, other, update_failed=failed) == []
    with Session(box.engine) as session:
        assert session.query(Rollout).one().state == RolloutState.STOPPED
    assert box.call(inside, HEARTBEAT_PATH, {"hostname": "pc", "update_failed": "x"})[0] == 400


def test_a_station_that_is_to_enrol_gets_the_package(box: Box) -> None:
    put(box.home.agent_packages, "czujka-agent_99.3.0_amd64.deb", b"!<arch>\n")
    key = download_key(box.token())
    connection = box.connect(None)
    connection.request("GET", PACKAGE_PATH + key)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"!<arch>\n")
    for wrong in ("", key[:-1] + "x", "../state.db"):
        connection.request("GET", PACKAGE_PATH + wrong)
        refused = connection.getresponse()
        assert (refused.status, b"deb" in refused.read()) == (403, False)
    connection.close()
