"""Logs of other sensors before the analysers: what follows from them, whose time it is, what outlives a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.wire.sending.sensor import Item, Reading
from collector.analysers.analysis import Analysis
from collector.analysers.registry import analysers
from collector.foreign.analysed import Analysed
from collector.foreign.eve import Eve
from collector.foreign.sensor import ForeignSensor, Wanted
from collector.memory import BOOKMARK
from collector.settings import settings
from tests.collector.analysers.logs import fired
from tests.collector.foreign.test_eve import event

BEGIN = 1_795_345_200


def _at(second: float) -> str:
    return datetime.fromtimestamp(BEGIN + second, UTC).isoformat()


def _flow(second: int, target: str, flow: int, **changes: Any) -> bytes:
    """A connection of which nothing came back."""
    body = {
        "pkts_toserver": 1, "pkts_toclient": 0, "bytes_toserver": 74, "bytes_toclient": 0, "start": _at(second),
        "end": _at(second), "state": "new",
    }  # fmt: skip
    ends = {"src_ip": "10.0.0.7", "dest_ip": target, "dest_port": 445, "timestamp": _at(second), "flow_id": flow}
    return (
        json.dumps(event("flow", body, tcp={"tcp_flags_ts": "02", "tcp_flags_tc": "00"}, **ends, **changes)).encode()
        + b"\n"
    )


def _asked(second: float, name: str) -> bytes:
    body = {"type": "answer", "id": 1, "rrname": name, "rrtype": "TXT", "rcode": "NXDOMAIN"}
    ends = {"src_ip": "10.0.0.7", "dest_ip": "10.0.0.2", "dest_port": 53, "proto": "UDP", "timestamp": _at(second)}
    return json.dumps(event("dns", body, **ends)).encode() + b"\n"


def _sensor(path: Path, *networks: str) -> ForeignSensor:
    analysed = Analysed(settings(networks, ()).sides, Analysis(analysers()), shared=False)
    return ForeignSensor([Wanted("eve", str(path))], None, analysed)


def _records(items: list[Item]) -> list[Mapping[str, Any]]:
    return [item.record for item in items if isinstance(item, Reading) and item.record]


def _notes(items: list[Item]) -> list[Any]:
    return [record["note"] for record in _records(items) if record["_path"] == "notice"]


def test_a_slow_scan_that_suricata_saw_is_noticed_and_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "eve.json"
    path.touch()
    before, after = _sensor(path), _sensor(path)
    before.open({})
    path.write_bytes(b"".join(_flow(n * 600, f"10.0.9.{n}", n) for n in range(30)))
    items = [*before.tick(), *before.finish()]
    before.close()
    assert _notes(items) == []
    marks = {item.bookmark.name: item.bookmark.value for item in items if isinstance(item, Reading) and item.bookmark}
    assert BOOKMARK in marks
    after.open(marks)
    with path.open("ab") as file:
        file.write(b"".join(_flow(n * 600, f"10.0.9.{n}", n) for n in range(30, 60)))
    items = after.tick()
    after.close()
    assert _notes(items) == ["Scan::Slow"]
    assert "zeek_notice_scan_slow" in fired(_records(items))


def test_which_ends_are_the_offices_is_said_of_flows(tmp_path: Path) -> None:
    path = tmp_path / "eve.json"
    path.touch()
    for networks, own in (((), (True, False)), (("2a02:a31b:7::/48",), (False, True))):
        sensor = _sensor(path, *networks)
        sensor.open({})
        with path.open("ab") as file:
            file.write(_flow(1, "2a02:a31b:7::5", 1))
        (record,) = _records([*sensor.tick(), *sensor.finish()])
        assert (record["local_orig"], record["local_resp"]) == own
        sensor.close()


def test_a_tunnel_in_names_is_noticed_and_the_clock_of_another_is_not_taken_over() -> None:
    analysed = Analysed(settings((), ()).sides, Analysis(analysers()), shared=False)

    eve, ahead = Eve(), int(time.time()) - BEGIN + 900_000_000
    found = []
    for number in range(80):
        raw = json.loads(_asked(number, f"{number * 7919:024x}{number * 104729:020x}.t.badanie.example"))
        for entry in eve.read(raw):
            found += list(analysed.see(entry))
    assert "DNS::Tunnel" in [one.log.fields.get("note") for one in found]
    for entry in eve.read(json.loads(_flow(ahead, "10.0.9.1", 5))):
        list(analysed.see(entry))
    assert analysed._last <= time.time_ns() // 1000
