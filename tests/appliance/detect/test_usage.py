"""Fields that no rule reads, fields that no event has, log sources without events."""

from __future__ import annotations

from dataclasses import replace

from appliance.detect import Event, Rule, field_names
from appliance.detect.correlation.resolve import resolve
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


def report(rules: list[Rule], *events: Event, correlations: str = "") -> Report:
    usage = Usage()
    for each in events:
        usage.add(each)
    parsed = parse_file("correlations.yml", correlations.encode())
    assert parsed.faults == []
    resolved = resolve(rules, parsed.correlations)
    assert resolved.faults == ()
    return usage.report(rules, shipped_routes(), field_names, resolved)


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


def correlation(title: str, body: str, name: str = "x") -> str:
    return f"---\ntitle: {title}\nname: {name}\ncorrelation:\n  timespan: 5m\n{body}"


COUNT = """  type: value_count
  rules: [%s]
  group-by: [%s]
  condition: {field: %s, gte: 3}
"""


def test_correlations_read_what_they_group_by_and_count() -> None:
    started = event(SYSMON, 1, **{"process.executable": "x", "winlog.event_data.User": "y", "process.pid": "1"})
    base = replace(rule(PROCESS, "Image"), name="base")
    found = report([base], started, correlations=correlation("Many", COUNT % ("base", "User", "Hashes")))
    source = "product windows, category process_creation"
    assert found.unseen == [Unseen(source, "Hashes", 1, ("Many",))]
    assert [row.key for row in found.unread] == ["process.pid"]


def test_a_field_that_a_rule_and_correlations_wait_for_counts_each_once() -> None:
    started = event(SYSMON, 1, **{"process.executable": "x", "winlog.event_data.User": "y"})
    base, other = replace(rule(PROCESS, "Image"), name="base"), replace(rule(PROCESS, "Hashes"), name="other")
    text = correlation("Many", COUNT % ("base, other", "User", "Hashes"))
    found = report([base, other], started, correlations=text)
    assert [(row.field, row.rules, row.titles) for row in found.unseen] == [
        ("Hashes", 2, ("Many", f"{PROCESS} Hashes"))
    ]


def test_what_a_chain_reads_is_looked_for_in_the_events_below_by_its_aliases() -> None:
    started = event(SYSMON, 1, **{"process.executable": "x", "winlog.event_data.User": "y"})
    base = replace(rule(PROCESS, "Image"), name="base")
    lower = correlation(
        "Lower", "  type: event_count\n  rules: [base]\n  group-by: [User]\n  condition: {gte: 3}\n", "lower"
    )
    upper = correlation(
        "Upper",
        "  type: value_count\n  rules: [lower]\n  group-by: [who]\n  condition: {field: Hashes, gte: 2}\n"
        "  aliases:\n    who:\n      lower: ParentImage\n",
    )
    found = report([base], started, correlations=lower + upper)
    assert [(row.field, row.titles) for row in found.unseen] == [("Hashes", ("Upper",)), ("ParentImage", ("Upper",))]
