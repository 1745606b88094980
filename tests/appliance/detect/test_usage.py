"""Fields that no rule reads, fields that no event has, log sources without events."""

from __future__ import annotations

from appliance.detect import Event, Rule, field_names
from appliance.detect.parse import parse_file
from appliance.detect.routes import shipped_routes
from appliance.detect.usage import MAX_CLASSES, MAX_NAMES, Report, Unread, Unseen, Usage

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def rule(source: str, *names: str) -> Rule:
    lines = "\n".join(f"    {name}: x" for name in names)
    text = f"title: '{source} {names[0]}'\nlogsource: {{{source}}}\ndetection:\n  a:\n{lines}\n  condition: a\n"
    parsed = parse_file("rule.yml", text.encode())
    assert parsed.faults == []
    return parsed.rules[0]


def event(channel: str, code: int, **values: str) -> Event:
    return {"event.module": "windows.eventlog", "winlog.channel": channel, "event.code": code, **values}


def report(rules: list[Rule], *events: Event) -> Report:
    usage = Usage()
    for each in events:
        usage.add(each)
    return usage.report(rules, shipped_routes(), field_names)


PROCESS = "product: windows, category: process_creation"


def test_both_sides_are_compared_by_event_key() -> None:
    started = event(SYSMON, 1, **{"process.executable": "x", "process.command_line": "y", "@timestamp": "0"})
    found = report([rule(PROCESS, "Image", "Hashes")], started, started)
    assert found.unread == [Unread("windows.eventlog", SYSMON, "process.command_line", 2)]
    assert found.unseen == [Unseen("product windows, category process_creation", "Hashes", 1, (f"{PROCESS} Image",))]
    assert found.silent == []


def test_a_field_that_one_of_several_sources_has_is_seen() -> None:
    security = event("Security", 4688, **{"process.executable": "x"})
    sysmon = event(SYSMON, 1, **{"process.parent.executable": "x"})
    assert report([rule(PROCESS, "Image", "ParentImage")], security, sysmon).unseen == []


def test_a_key_is_unread_only_where_no_rule_reads_it() -> None:
    started = event(SYSMON, 1, **{"process.executable": "x"})
    opened = event(SYSMON, 10, **{"process.executable": "x"})
    found = report([rule(PROCESS, "Image")], started, opened, opened)
    assert found.unread == [Unread("windows.eventlog", SYSMON, "process.executable", 2)]


def test_a_log_source_without_events_is_said_to_be_silent_and_nothing_else() -> None:
    found = report([rule("product: linux, service: sshd", "x"), rule("product: okta", "y")])
    assert found.silent == [("product linux, service sshd", 1), ("product okta", 1)]
    assert found.unseen == []


def test_the_conditions_of_routes_read_fields_too() -> None:
    changed = event(SYSMON, 12, **{"winlog.event_data.EventType": "CreateKey", "registry.path": "x"})
    found = report([rule("product: windows, category: registry_add", "TargetObject")], changed)
    assert "winlog.event_data.EventType" not in {row.key for row in found.unread}


def test_strangers_cannot_fill_the_memory() -> None:
    usage = Usage()
    for number in range(MAX_CLASSES + 50):
        usage.add(event(f"Channel {number}", 1))
    usage.add(event(SYSMON, 1, **{f"x{number}": "1" for number in range(MAX_NAMES + 7)}))
    found = usage.report([], shipped_routes(), field_names)
    assert usage.events == MAX_CLASSES + 51
    assert found.overflow > 0
    assert len({(row.module, row.channel) for row in found.unread}) <= MAX_CLASSES + 1
    assert len(found.unread) <= MAX_NAMES
