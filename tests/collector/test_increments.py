"""What a connection that goes on has carried since it was last told."""

from __future__ import annotations

from typing import Any

from collector.heads.head import Entry
from collector.increments import MOST, Increments
from collector.protocols.model import Flow, Log, Value
from collector.records import wire_record
from tests.collector.analysers.logs import fired

FLOW = Flow("192.168.10.31", 50_000, "203.0.113.9", 443, "tcp")
GB = 1_000_000_000


def told(path: str, sent: int, got: int = 0, uid: str = "C1", **fields: Any) -> Entry:
    said: dict[str, Value] = {
        "orig_bytes": sent,
        "resp_bytes": got,
        "orig_ip_bytes": sent * 2,
        "resp_ip_bytes": got * 2,
    }
    common: dict[str, Value] = {
        "proto": "tcp",
        "conn_state": "S1",
        "local_orig": True,
        "local_resp": False,
        "duration": 1.0,
    }
    return Entry(Log(path, 1_790_000_000_000_000, {**common, **said, **fields}), uid, FLOW)


def added(made: Increments, entry: Entry) -> tuple[Any, Any]:
    fields = made.say(entry).log.fields
    return fields.get("orig_bytes_added"), fields.get("resp_bytes_added")


def test_each_telling_says_what_is_new_and_the_end_too() -> None:
    made = Increments()
    tellings = [told("conn_long", 100, 7), told("conn_long", 250, 7), told("conn", 300, 9)]
    assert [added(made, one) for one in tellings] == [(100, 7), (150, 0), (50, 2)]
    assert added(made, told("conn", 300, 9)) == (None, None)


def test_a_flow_told_once_and_other_logs_stay_as_they_are() -> None:
    one, other = told("conn", 300), Entry(Log("dns", 1, {}), "C1", FLOW)
    assert Increments().say(one) is one
    assert Increments().say(other) is other


def test_numbers_that_lie_count_as_what_packets_carried() -> None:
    made = Increments()
    assert added(made, told("conn_long", GB, orig_ip_bytes=1500)) == (1500, 0)
    assert added(made, told("conn_long", 10, orig_ip_bytes=3000)) == (0, 0)


def test_no_more_flows_are_remembered_than_the_bound() -> None:
    made = Increments()
    for number in range(MOST + 5):
        made.say(told("conn_long", 100, uid=f"C{number}"))
    assert len(made._told) == MOST
    assert added(made, told("conn_long", 150, uid="C0")) == (150, 0)
    assert added(made, told("conn_long", 150, uid=f"C{MOST}")) == (50, 0)


def test_a_large_upload_raises_its_rule_while_it_goes_on() -> None:
    made = Increments()
    records = [wire_record(made.say(told("conn_long", sent))) for sent in (GB // 2, 2 * GB)]
    assert fired(records[:1]) == {"zeek_conn_part_data_out"}
    assert fired(records[1:]) == {"zeek_conn_part_data_out", "zeek_conn_long_large_upload"}
    silent = wire_record(made.say(told("conn_long", 2 * GB)))
    assert fired([silent]) == set()
    ended = wire_record(made.say(told("conn", 3 * GB, conn_state="SF")))
    assert fired([ended]) == {"zeek_conn_large_upload", "zeek_conn_part_data_out"}
