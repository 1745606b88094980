"""Packets at the real gateway: commands in the answer to a heartbeat, and what a sensor may bring."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.identity_request import valid
from agent.wire.commands import parse
from agent.wire.envelope import COMMAND_HEADER, HEARTBEAT_PATH, OUTCOME_HEADER, SLICE_PATH
from agent.wire.limits import MAX_SLICE
from appliance import clock
from appliance.slices.asked import ask, get
from appliance.slices.kept import MAGIC, path_of
from appliance.state.models import Operation
from appliance.state.slices import PacketSlice, SliceState
from tests.appliance.intake.box import NUMBERS, Answer, Box, Station

UID = "CabcDEF0123456789"
PACKETS = MAGIC + b"what came over the wire"


def asked(box: Box, station: Station, uid: str = UID) -> int:
    event = {"zeek.uid": uid, "agent.id": station.id, "event.id": "0" * 32}
    with Session(box.engine) as session, session.begin():
        return ask(session, event, "anna", clock.now()).id


def row(box: Box, number: int) -> PacketSlice:
    with Session(box.engine) as session:
        return get(session, number)


def bring(box: Box, station: Station, number: object, outcome: str, body: bytes = b"", **more: str) -> Answer:
    return box.call(station, SLICE_PATH, body, {COMMAND_HEADER: str(number), OUTCOME_HEADER: outcome, **more})


def heard(box: Box, station: Station) -> list[Any]:
    status, answer, _ = box.call(station, HEARTBEAT_PATH, {"hostname": "czujnik"})
    assert status == 200
    commands = answer["commands"]
    assert isinstance(commands, list)
    return commands


def test_a_sensor_hears_what_is_asked_of_it_signed_and_brings_it_once(box: Box, station: Station) -> None:
    other = box.station(next(NUMBERS))
    assert heard(box, station) == []
    number = asked(box, station)
    assert asked(box, station) == number
    assert heard(box, other) == []
    (order,) = heard(box, station)
    command = parse(order["statement"])
    assert (command.id, command.agent, command.argument) == (number, station.id, UID)
    assert valid(box.home.ca, json.dumps(order).encode())
    assert bring(box, station, number, "whole", PACKETS)[:2] == (200, {"taken": len(PACKETS)})
    assert path_of(box.home.packets, number).read_bytes() == PACKETS
    assert path_of(box.home.packets, number).stat().st_mode & 0o777 == 0o600
    done = row(box, number)
    assert (done.state, done.sha256, done.size) == (SliceState.TAKEN, hashlib.sha256(PACKETS).hexdigest(), len(PACKETS))
    assert heard(box, station) == []
    assert bring(box, station, number, "whole", PACKETS + b" and more")[0] == 409
    assert path_of(box.home.packets, number).read_bytes() == PACKETS
    assert not list(box.home.packets.glob(".*"))
    with Session(box.engine) as session:
        logged = session.scalars(select(Operation).where(Operation.target == str(number)).order_by(Operation.id)).all()
    assert [one.action for one in logged] == ["slice.asked", "slice.taken"]
    assert logged[1].detail["sha256"] == done.sha256


@pytest.mark.parametrize(
    ("outcome", "state", "reason"), [("none", SliceState.NONE, ""), ("failed", SliceState.FAILED, "failed")]
)
def test_a_sensor_that_has_nothing_says_so(
    box: Box, station: Station, outcome: str, state: SliceState, reason: str
) -> None:
    number = asked(box, station)
    assert bring(box, station, number, outcome)[0] == 200
    assert (row(box, number).state, row(box, number).reason) == (state, reason)
    assert not path_of(box.home.packets, number).exists()
    # It may be asked for again.
    assert asked(box, station) > number


def test_what_nobody_asked_this_sensor_for_is_refused(box: Box, station: Station) -> None:
    number = asked(box, station)
    other = box.station(next(NUMBERS))
    assert bring(box, other, number, "whole", PACKETS)[0] == 404
    assert bring(box, station, 1 << 40, "whole", PACKETS)[0] == 404
    assert bring(box, station, number, "whole", b"MZ not a capture")[0] == 400
    assert bring(box, station, number, "none", PACKETS)[0] == 400
    for name, outcome in (("", "whole"), ("x", "whole"), ("-1", "none"), ("9" * 19, "none"), (number, "kept")):
        assert bring(box, station, name, outcome, PACKETS)[0] == 400
    assert (
        box.call(box.importer(), SLICE_PATH, PACKETS, {COMMAND_HEADER: str(number), OUTCOME_HEADER: "whole"})[0] == 403
    )
    assert box.call(None, SLICE_PATH, PACKETS)[0] == 401
    assert row(box, number).state == SliceState.WAITING


def test_a_slice_past_the_bound_is_refused_before_it_is_read(box: Box, station: Station) -> None:
    number = asked(box, station)
    connection = box.connect(station)
    connection.putrequest("POST", SLICE_PATH)
    headers = {COMMAND_HEADER: str(number), OUTCOME_HEADER: "whole", "Content-Length": str(MAX_SLICE + 1)}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    whole = MAGIC + bytes(MAX_SLICE - len(MAGIC))
    assert bring(box, station, number, "cut", whole)[0] == 200
    assert not row(box, number).whole
