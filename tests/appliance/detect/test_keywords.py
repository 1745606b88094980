"""Keywords look at what the source said, and at nothing that the box has added."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from appliance.detect import Engine, RuleSet, event_class
from appliance.detect.selftest import EVENTS, SOURCE
from appliance.detect.values import ENVELOPE, fold, keyword_texts
from appliance.normalise import normalise
from appliance.normalise.schema import fields
from tests.appliance.detect.kit import decide, document, parse

#: Where the box says on purpose what the source did not: who it was in English, numbers in decimal, a page's address
#: whole, a cloud's name for a computer, an outcome from its code.
TOLD_OTHERWISE = (
    *("czujka.", "user.", "group.", "process.command_line", "winlog.event_data.", "process.pid", "process.parent.pid"),
    *("url.full", "host.name", "azure.outcome", "audit.types", "zeek.text", "record.xml"),
    # Lists of objects are JSON.
    *("azure.targetresources", "m365.ModifiedProperties", "m365.Parameters"),
)
SYSMON = {
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Provider_Name": "Microsoft-Windows-Sysmon",
    "Image": r"C:\Windows\notepad.exe",
    "Computer": "PC-7",
}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield unescape(str(value))


def test_what_keywords_see_stands_in_the_record() -> None:
    added: dict[str, str] = {}
    seen = 0
    for file in sorted(EVENTS.rglob("*.ndjson")):
        for line in filter(None, file.read_bytes().splitlines()[:8]):
            record = "\n".join(_texts(json.loads(line)))
            event = normalise(line, SOURCE)
            for key in event:
                for element in keyword_texts({key: event[key], "agent.id": event["agent.id"]}):
                    seen += 1
                    if fold(element) not in fold(record):
                        added.setdefault(key, element)
    assert {key: text for key, text in added.items() if not key.startswith(TOLD_OTHERWISE)} == {}
    assert seen > 20_000


def test_every_time_is_the_boxes_own_number() -> None:
    assert {name for name, field in fields().items() if field.type == "date"} <= ENVELOPE


@pytest.mark.parametrize("word", ["eventlog", "process_created", "start", "process", "1767225600"])
def test_the_boxes_words_are_no_keywords(word: str) -> None:
    text = document(f"kw: ['{word}']\ncondition: kw").replace("product: test", "product: windows")
    matcher = Engine(RuleSet(parse(text).rules, []))
    event = normalise(json.dumps({**SYSMON, "TimeCreated": "2026-01-01T00:00:00Z"}).encode(), SOURCE)
    assert matcher.match(event) == []
    assert matcher.matched_fields(matcher.rules[0], event) == {}
    said = normalise(json.dumps({**SYSMON, "CommandLine": f"x {word} y"}).encode(), SOURCE)
    assert len(matcher.match(said)) == 1


def test_a_status_is_not_found_in_the_time() -> None:
    record = {"event.module": "webserver", "url.original": "/a", "http.response.status_code": 404}
    classes = defaultdict(list)
    for micros in ("09.200813", "08.468812"):
        event = normalise(json.dumps({**record, "@timestamp": f"2026-01-01T00:00:{micros}Z"}).encode(), SOURCE)
        classes[event_class(event)].append(event)
    text = document("kw:\n  '|all': ['/a', '200']\ncondition: kw").replace("product: test", "category: webserver")
    matcher = Engine(RuleSet(parse(text).rules, []))
    for events in classes.values():
        assert matcher.match_many(events) == [[], []]
        assert matcher.match_many([{**event, "http.response.status_code": 200} for event in events]) != [[], []]


def test_a_host_without_a_name_is_not_searched_by_the_id_of_its_agent() -> None:
    text = "kw: [c0ffee]\ncondition: kw"
    assert not decide(text, **{"host.name": "x-c0ffee", "agent.id": "x-c0ffee"})
    assert decide(text, **{"host.name": "c0ffee", "agent.id": "x-c0ffee"})
