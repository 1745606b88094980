"""A batch becomes events and dead letters, and nothing gets lost between the two."""

from __future__ import annotations

import zlib

from agent.wire.envelope import encode_record, pack
from appliance.journal import Batch
from appliance.normalise import Event, Source, normalise
from appliance.pipeline.decode import decode

AGENT = "11111111-1111-4111-8111-111111111111"
GOOD = encode_record({"event.module": "linux.syslog", "message": "x", "log.syslog.appname": "cron", "host.name": "pc"})


def _batch(body: bytes, records: int = 1) -> Batch:
    return Batch(seq=7, source=AGENT, key="k", received_at=1_000_000, sent_at=None, records=records, body=body)


def test_a_bad_record_costs_only_itself() -> None:
    decoded = decode(_batch(pack([GOOD, b"{broken", GOOD.replace(b'"x"', b'"y"')]), 3), normalise, "")
    assert decoded.read == 3
    assert [event["message"] for event in decoded.events] == ["x", "y"]
    assert [(letter.batch_seq, letter.line_no, letter.original) for letter in decoded.dead] == [(7, 2, b"{broken")]
    assert decoded.dead[0].reason


def test_the_sender_is_the_certificates_not_the_records() -> None:
    forged = encode_record(
        {"event.module": "linux.syslog", "message": "x", "host.name": "pc", "agent.id": "someone-else"}
    )
    (event,) = decode(_batch(pack([forged])), normalise, "").events
    assert event["agent.id"] == AGENT
    assert event["event.ingested"] == 1_000_000


def test_a_batch_that_cannot_be_inflated_is_one_dead_letter_with_its_bytes() -> None:
    body = zlib.compress(b"x" * 100)[:-3]
    decoded = decode(_batch(body, records=5), normalise, "")
    assert decoded.events == []
    assert decoded.read == 5
    assert [letter.original for letter in decoded.dead] == [body]


def test_a_fault_in_the_program_costs_one_record_too() -> None:
    def faulty(line: bytes, source: Source) -> Event:
        if b'"y"' in line:
            raise ZeroDivisionError
        return normalise(line, source)

    decoded = decode(_batch(pack([GOOD, GOOD.replace(b'"x"', b'"y"')]), 2), faulty, "")
    assert len(decoded.events) == 1
    assert "ZeroDivisionError" in decoded.dead[0].reason


def test_an_id_in_an_imported_file_is_not_believed() -> None:
    record = encode_record(
        {"event.module": "linux.syslog", "message": "x", "host.name": "pc", "event.id": "0" * 32, "@timestamp": 5}
    )
    (kept,) = decode(_batch(pack([record])), normalise, "").events
    (computed,) = decode(_batch(pack([record])), normalise, AGENT).events
    assert kept["event.id"] == "0" * 32
    assert computed["event.id"] != "0" * 32
