from __future__ import annotations

import json
from typing import Any

from appliance.normalise import Event, Source, normalise

RECORD = {
    "event.module": "windows.eventlog",
    "EventID": 4634,
    "Channel": "Security",
    "Computer": "PC",
    "EventRecordID": 1,
}
TIMED = {**RECORD, "TimeCreated": "2026-03-02T08:15:30Z"}
GIVEN = "0123456789abcdef0123456789abcdef"


def run(record: dict[str, Any], source: Source) -> Event:
    return normalise(json.dumps(record).encode(), source)


def test_the_same_record_has_the_same_id_whenever_and_by_whomever_it_is_sent() -> None:
    first = run(TIMED, Source("a", 1))
    assert run(TIMED, Source("b", 2))["event.id"] == first["event.id"]
    assert run({**TIMED, "EventRecordID": 2}, Source("a", 1))["event.id"] != first["event.id"]


def test_without_a_record_id_the_content_decides() -> None:
    bare = {key: value for key, value in TIMED.items() if key != "EventRecordID"}
    first = run(bare, Source("a", 1))
    assert run(bare, Source("a", 2))["event.id"] == first["event.id"]
    assert run({**bare, "TargetUserName": "x"}, Source("a", 1))["event.id"] != first["event.id"]


def test_without_a_time_arrival_does_not_change_the_id() -> None:
    bare = {"event.module": "json", "x": 1}
    assert run(bare, Source("a", 1))["event.id"] == run(bare, Source("a", 2))["event.id"]


def test_an_agents_id_is_kept_and_an_imported_one_is_not() -> None:
    record = {**TIMED, "event.id": GIVEN}
    assert run(record, Source("a", 1))["event.id"] == GIVEN
    assert run(record, Source("a", 1, importer=True))["event.id"] != GIVEN
    assert run({**TIMED, "event.id": "ABC"}, Source("a", 1))["event.id"] != "ABC"


def test_the_sender_is_never_believed_about_itself() -> None:
    record = {"event.module": "json", "agent": {"id": "ktoś inny"}, "event.ingested": 5}
    event = run(record, Source("a", 7))
    assert event["agent.id"] == "a"
    assert event["event.ingested"] == 7
