"""The box's side of a request, over real captures, a real ring and a real tshark."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY, MINUTE, now
from appliance.home import Home
from appliance.importer.capture_file import Ring, read_capture
from appliance.pki import ensure_pki, importer_id
from appliance.slices import asked, kept
from appliance.slices.asked import NoFlow, SlicesFull
from appliance.slices.look import Unseen
from appliance.slices.work import Worker
from appliance.state.database import open_sessions, writing
from appliance.state.models import Feed, Operation
from appliance.state.slices import PacketSlice, SliceState
from tests.appliance.state.fresh import fresh_state
from tests.collector.packets import frames_of, pcap

THERE = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2")
FRAMES = [bytes(THERE / TCP(sport=port, dport=80, flags="S")) for port in (1, 2, 1)]


@pytest.fixture
def sessions(home: Home) -> Iterator[sessionmaker[Session]]:
    ensure_pki(home, [], now())
    engine = fresh_state(f"sqlite:///{home.state}")
    yield open_sessions(engine)
    engine.dispose()


def imported(home: Home, folder: Path) -> dict[int, dict[str, Any]]:
    """Import a capture; return the events of its flows by port."""
    capture = folder / "office.pcap"
    capture.write_bytes(pcap(FRAMES))
    lines = [json.loads(line) for line in read_capture(capture, Ring(home.root, 64 << 20, 7))]
    return {
        line["id.orig_p"]: {"zeek.uid": line["uid"], "agent.id": importer_id(home), "event.id": f"{number:032x}"}
        for number, line in enumerate(lines)
        if line["_path"] == "conn"
    }


def wanted(sessions: sessionmaker[Session], event: dict[str, Any], at: int | None = None) -> int:
    with writing(sessions) as session:
        return asked.ask(session, event, "anna", at or now()).id


def row(sessions: sessionmaker[Session], number: int) -> PacketSlice:
    with sessions() as session:
        return asked.get(session, number)


def test_an_imported_flow_is_cut_out_and_read_by_the_box_itself(
    home: Home, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    events = imported(home, tmp_path)
    number = wanted(sessions, events[1])
    worker = Worker(home, sessions)
    worker.round()
    done = row(sessions, number)
    content = kept.path_of(home.packets, number).read_bytes()
    assert [frame for _, frame, _, _ in frames_of(content)[0]] == [FRAMES[0], FRAMES[2]]
    assert (done.state, done.sha256) == (SliceState.TAKEN, hashlib.sha256(content).hexdigest())
    worker.round()
    done = row(sessions, number)
    assert (done.state, done.reason) == (SliceState.READ, "")
    assert done.summary is not None
    assert done.summary["packets"] == 2
    with sessions() as session:
        assert [one.action for one in session.scalars(select(Operation))] == ["slice.asked", "slice.taken"]
        assert {one.kind for one in session.scalars(select(Feed))} == {"slice.updated"}
    # Asked again, it is there.
    assert wanted(sessions, events[1]) == number


def test_packets_that_are_gone_are_said(home: Home, sessions: sessionmaker[Session], tmp_path: Path) -> None:
    event = imported(home, tmp_path)[1] | {"zeek.uid": "CnobodyKnowsIt123"}
    number = wanted(sessions, event)
    Worker(home, sessions).round()
    assert row(sessions, number).state == SliceState.NONE
    assert wanted(sessions, event) > number


def test_a_sensor_that_does_not_answer_is_given_up(home: Home, sessions: sessionmaker[Session]) -> None:
    event = {"zeek.uid": "CabcDEF0123456789", "agent.id": "another", "event.id": "0" * 32}
    old, young = (
        wanted(sessions, event, now() - 11 * MINUTE),
        wanted(sessions, event | {"zeek.uid": "CabcDEF999999999"}),
    )
    Worker(home, sessions).round()
    assert (row(sessions, old).state, row(sessions, old).reason) == (SliceState.FAILED, "late")
    assert row(sessions, young).state == SliceState.WAITING


def test_a_missing_tshark_is_tried_again_when_asked(
    home: Home, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    def none(_file: Path) -> Any:
        raise Unseen("no_tshark")

    event = imported(home, tmp_path)[2]
    number = wanted(sessions, event)
    for _ in range(2):
        Worker(home, sessions, look=none).round()
    assert (row(sessions, number).state, row(sessions, number).reason) == (SliceState.READ, "no_tshark")
    assert wanted(sessions, event) == number
    assert row(sessions, number).state == SliceState.TAKEN
    kept.path_of(home.packets, number).unlink()
    Worker(home, sessions).round()
    assert row(sessions, number).reason == "gone"


def test_files_go_when_their_days_are_over_and_rows_stay(
    home: Home, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    number = wanted(sessions, imported(home, tmp_path)[1])
    Worker(home, sessions).round()
    Worker(home, sessions).tidy(90)
    assert kept.path_of(home.packets, number).exists()
    left = home.packets / ".left"
    left.touch()
    kept.sweep(home.packets)
    assert left.exists()
    os.utime(left, (1, 1))
    Worker(home, sessions, now=lambda: now() + 91 * DAY).tidy(90)
    assert list(home.packets.iterdir()) == []
    assert row(sessions, number).removed_at is not None
    with sessions() as session:
        assert session.scalars(select(Operation.action)).all()[-1] == "slice.removed"


def test_what_tells_of_no_flow_and_too_much_at_once_are_refused(sessions: sessionmaker[Session]) -> None:
    good = {"zeek.uid": "CabcDEF0123456789", "agent.id": "another", "event.id": "0" * 32}
    for change in ({"zeek.uid": None}, {"zeek.uid": "../x"}, {"agent.id": ""}, {"agent.id": 5}, {"zeek.uid": 5}):
        with pytest.raises(NoFlow):
            wanted(sessions, good | change)
    with writing(sessions) as session:
        for number in range(asked.MOST_WAITING):
            asked.ask(session, good | {"zeek.uid": f"Cabcdefgh{number}"}, "anna", now())
        with pytest.raises(SlicesFull):
            asked.ask(session, good, "anna", now())


def test_a_settings_file_without_packets_keeps_none(home: Home, tmp_path: Path) -> None:
    capture = tmp_path / "office.pcap"
    capture.write_bytes(pcap(FRAMES))
    assert len(list(read_capture(capture, Ring(home.root, 0, 7)))) == 2
    assert not home.slices.exists()
    command = [sys.executable, "-m", "collector", "slice", "CabcDEF0123456789", "--home", str(home.root)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
