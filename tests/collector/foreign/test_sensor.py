"""Other sensors' logs followed: files that are rotated, sockets, bookmarks, and what our own sensor has told too."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.wire.sending.sensor import Gap, Item, Reading
from agent.wire.sending.tail import LONGEST
from collector.foreign import sensor as sensors
from collector.foreign import twins as waiting
from collector.foreign.sensor import ForeignSensor, Wanted
from collector.foreign.sources import MAX_PEERS
from collector.foreign.twins import Twins
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log
from tests.collector.foreign.test_eve import event

FLOW = Flow("10.0.0.1", 50096, "192.0.2.5", 443, "tcp")


@pytest.fixture
def opened() -> Iterator[list[ForeignSensor]]:
    """Sensors to be closed in the end."""
    made: list[ForeignSensor] = []
    yield made
    for sensor in made:
        sensor.close()


def _line(name: str, **changes: Any) -> bytes:
    return json.dumps(event("http", {"hostname": name, "url": "/"}, **changes)).encode() + b"\n"


def _hosts(items: list[Item]) -> list[Any]:
    return [item.record["host"] for item in items if isinstance(item, Reading) and item.record]


def _mark(items: list[Item]) -> Mapping[str, str]:
    return {item.bookmark.name: item.bookmark.value for item in items if isinstance(item, Reading) and item.bookmark}


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_file_is_followed_through_rotation_and_restarts(tmp_path: Path, opened: list[ForeignSensor]) -> None:
    path = tmp_path / "eve.json"
    path.write_bytes(_line("old"))
    one = ForeignSensor([Wanted("eve", str(path))])
    opened.append(one)
    marks = dict(_mark(one.open({})))
    assert one.tick() == []
    _append(path, _line("a") + b"no json\n" + _line("b"))
    items = one.tick()
    assert (_hosts(items), one.refused, one.wait()) == (["a", "b"], 1, 0.0)
    assert (one.tick(), one.wait()) == ([], 1.0)
    marks |= _mark(items)
    _append(path, _line("c"))
    path.rename(tmp_path / "eve.json.1")
    path.write_bytes(_line("d"))
    assert _hosts([*one.tick(), *one.tick()]) == ["c", "d"]
    other = ForeignSensor([Wanted("eve", str(path))])
    opened.append(other)
    assert _hosts([*other.open(marks), *other.tick(), *other.tick()]) == ["c", "d"]


@pytest.mark.parametrize("prefix", ["unix:", "unix-dgram:"])
def test_suricata_may_write_to_a_socket(tmp_path: Path, opened: list[ForeignSensor], prefix: str) -> None:
    path = tmp_path / "eve.sock"
    sensor = ForeignSensor([Wanted("eve", prefix + str(path))])
    opened.append(sensor)
    sensor.open({})
    kind = socket.SOCK_DGRAM if prefix == "unix-dgram:" else socket.SOCK_STREAM
    found: list[Item] = []
    with socket.socket(socket.AF_UNIX, kind) as writer:
        writer.connect(str(path))
        for name in ("a", "b", "c"):
            writer.send(_line(name))
        while len(_hosts(found)) < 3:
            assert select.select([sensor], [], [], 10)[0]
            found += sensor.read()
    assert _hosts(found) == ["a", "b", "c"]
    sensor.close()
    assert not path.exists()


def test_writers_and_lines_without_an_end_are_bounded(tmp_path: Path, opened: list[ForeignSensor]) -> None:
    path = tmp_path / "eve.sock"
    sensor = ForeignSensor([Wanted("eve", f"unix:{path}")])
    opened.append(sensor)
    sensor.open({})
    writers = []
    for _ in range(MAX_PEERS):
        writers.append(socket.socket(socket.AF_UNIX))
        writers[-1].connect(str(path))
    sensor.read()
    sent = 0
    writers[0].setblocking(False)
    while sent <= LONGEST:
        assert select.select([], [writers[0]], [], 10)[1]
        sent += writers[0].send(b"x" * 50_000)
        sensor.read()
    assert sensor.refused == 1
    writers[1].send(_line("a"))
    writers.append(socket.socket(socket.AF_UNIX))
    writers[-1].connect(str(path))
    writers[-1].send(_line("late"))
    assert _hosts(sensor.read()) == ["a"]
    for writer in writers[:-1]:
        writer.close()
    found: list[Item] = []
    while not _hosts(found):
        assert select.select([sensor], [], [], 10)[0]
        found = sensor.read()
    assert _hosts(found) == ["late"]
    writers[-1].close()


def test_what_our_own_sensor_told_of_the_same_flow_is_left_out(
    tmp_path: Path, opened: list[ForeignSensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eve.json"
    path.write_bytes(b"")
    twins = Twins()
    sensor = ForeignSensor([Wanted("eve", str(path))], twins)
    opened.append(sensor)
    sensor.open({})
    clock = time.time_ns() // 1000
    monkeypatch.setattr(sensors, "_micros", lambda: clock)
    told = {"community_id": "1:of-another-seed"}
    _append(path, _line("both", **told) + _line("theirs", src_port=50097, **told))
    flow = {"start": event("", {})["timestamp"], "end": event("", {})["timestamp"]}
    _append(path, json.dumps(event("flow", flow, **told)).encode() + b"\n")
    items = sensor.tick()
    assert (_hosts(items), _mark(items)) == ([], {})
    twins.note(Entry(Log("http", clock, {"host": "both"}), "C1", FLOW))
    clock += waiting.WAIT
    items = sensor.tick()
    assert (_hosts(items), sensor.doubled) == (["theirs"], 1)
    (mark,) = _mark(items).values()
    assert json.loads(mark)["offset"] == path.read_bytes().rindex(b"\n", 0, -1) + 1  # the flow waits still
    clock += waiting.WAIT_CONN
    items = sensor.tick()
    (conn,) = [item.record for item in items if isinstance(item, Reading) and item.record]
    assert conn["_path"] == "conn"
    assert len(_mark(items)) == 1


def test_logs_that_wait_are_bounded(
    tmp_path: Path, opened: list[ForeignSensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "MAX_HELD", 2)
    path = tmp_path / "eve.json"
    path.write_bytes(b"")
    sensor = ForeignSensor([Wanted("eve", str(path))], Twins())
    opened.append(sensor)
    sensor.open({})
    _append(path, b"".join(_line(name) for name in "abcde"))
    assert _hosts(sensor.tick()) == ["a", "b", "c"]
    assert _hosts(sensor.finish()) == ["d", "e"]


def test_what_is_known_of_flows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_KNOWN", 2)
    twins = Twins()
    flows = [Flow("10.0.0.1", port, "10.0.0.2", 443, "tcp") for port in (1, 2, 3)]
    entries = [Entry(Log("ssl", 0, {}), "", flow) for flow in flows]
    for entry in entries:
        twins.note(entry)
    twins.note(Entry(Log("arp", 0, {}), "", None))
    assert [twins.knows(entry) for entry in entries] == [False, True, True]
    turned = Entry(Log("ssl", 0, {}), "", Flow("10.0.0.2", 443, "10.0.0.1", 3, "tcp"))
    assert twins.knows(turned)
    assert not twins.knows(turned._replace(log=Log("http", 0, {})))


@pytest.mark.parametrize(("path", "field"), [("notice", "note"), ("weird", "name")])
def test_what_another_sensor_noticed_in_a_flow_is_no_twin_of_what_ours_noticed(path: str, field: str) -> None:
    twins = Twins()
    twins.note(Entry(Log(path, 0, {field: "Conn::Beacon"}), "C1", FLOW))
    assert not twins.knows(Entry(Log(path, 0, {field: "Suricata::Alert"}), "S1", FLOW))
    assert twins.knows(Entry(Log(path, 0, {field: "Conn::Beacon"}), "C2", FLOW))


def test_files_that_are_not_there_yet_are_said(tmp_path: Path, opened: list[ForeignSensor]) -> None:
    path = tmp_path / "conn.log"
    sensor = ForeignSensor([Wanted("zeek", str(path))])
    opened.append(sensor)
    assert sensor.availability() == ("limited", "sensor.reason.no_log_files")
    sensor.open({})
    line = {"ts": 1.5, "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": 1, "id.resp_h": "10.0.0.2", "id.resp_p": 2}
    path.write_text(json.dumps(line) + "\n")
    (record,) = [item.record for item in sensor.tick() if isinstance(item, Reading) and item.record]
    assert (record["_path"], record["uid"], record["event.module"]) == ("conn", "C1", "network")
    assert sensor.availability().state == "on"


def test_a_file_that_was_emptied_is_a_known_loss(tmp_path: Path, opened: list[ForeignSensor]) -> None:
    path = tmp_path / "eve.json"
    path.write_bytes(_line("old") * 3)
    one = ForeignSensor([Wanted("eve", str(path))])
    opened.append(one)
    one.open({})
    path.write_bytes(_line("new"))
    items = one.tick()
    assert [item.cause for item in items if isinstance(item, Gap)] == ["log_truncated"]
    assert _hosts(items) == ["new"]
