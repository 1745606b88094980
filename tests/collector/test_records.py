"""Records on the wire: what the box makes of them."""

from __future__ import annotations

from agent.wire.envelope import encode_record
from appliance.normalise import Source, normalise
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log
from collector.records import wire_record

ENTRY = Entry(
    Log("dns", 1_790_000_000_000_007, {"query": "urzad.example", "answers": ["10.0.0.9"], "rejected": False}),
    "CabcDEF",
    Flow("10.0.0.1", 5000, "10.0.0.2", 53, "udp"),
)


def test_a_log_becomes_an_event_with_its_own_time_and_the_names_of_the_box() -> None:
    event = normalise(encode_record(wire_record(ENTRY)), Source("sensor", 1))
    assert event["@timestamp"] == 1_790_000_000_000_007
    assert (event["event.module"], event["event.category"]) == ("network", "dns")
    assert (event["source.ip"], event["destination.port"]) == ("10.0.0.1", 53)
    assert (event["dns.question.name"], event["dns.answers.data"]) == ("urzad.example", ("10.0.0.9",))
    assert event["zeek.uid"] == "CabcDEF"


def test_the_identity_follows_from_what_is_said() -> None:
    other = ENTRY._replace(log=Log("dns", 1_790_000_000_000_008, ENTRY.log.fields))
    ids = [wire_record(entry)["event.id"] for entry in (ENTRY, ENTRY, other)]
    assert ids[0] == ids[1] != ids[2]
