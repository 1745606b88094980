"""What a correlation sees, told from what its rules see and the fields that it joins by."""

from __future__ import annotations

import pytest

from appliance.detect import EventClass, Rule
from appliance.detect.correlation.resolve import resolve
from appliance.detect.parse import parse_file
from appliance.detect.routes import shipped_routes
from appliance.detect.visibility import Judgement, State, judge, judge_correlations

SYSMON = EventClass("windows.eventlog", "Microsoft-Windows-Sysmon/Operational", 1, "process")
QUERY = EventClass("windows.eventlog", "Microsoft-Windows-Sysmon/Operational", 22, "network")
FULL = {"process.executable", "process.command_line", "winlog.event_data.User"}
BASES = """---
{title: a, id: 00000000-0000-4000-8000-00000000000a, name: a, logsource: {product: windows, category: process_creation},
 detection: {s: {Image: x}, condition: s}}
---
{title: b, id: 00000000-0000-4000-8000-00000000000b, name: b, logsource: {product: windows, category: dns_query},
 detection: {s: {QueryName: x}, condition: s}}
---
{title: c, id: 00000000-0000-4000-8000-00000000000c, name: c, logsource: {product: macos, category: process_creation},
 detection: {s: {Image: x}, condition: s}}
"""
A, B, C = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "abc")


def judged(correlation: str, had: dict[EventClass, set[str]]) -> dict[str, Judgement]:
    """Judge correlations over rules a (process start), b (DNS query), c (macOS, which nothing feeds)."""
    parsed = parse_file("rules.yml", (BASES + correlation).encode())
    assert parsed.faults == []
    rules: list[Rule] = parsed.rules
    resolved = resolve(rules, parsed.correlations)
    assert resolved.faults == ()
    fields = {kind: frozenset(names) for kind, names in had.items()}
    found = judge_correlations(judge(rules, shipped_routes(), fields), resolved, shipped_routes(), fields)
    titles = {one.id: one.title for one in parsed.correlations}
    return {titles[one.rule]: one for one in found}


def correlation(kind: str, rules: str, more: str, title: str = "t") -> str:
    return (
        f"---\ntitle: {title}\nname: name_{title}\ncorrelation:\n  type: {kind}\n  rules: [{rules}]\n"
        f"  timespan: 5m\n{more}"
    )


COUNT = "  condition: {gte: 3}\n"
ORDER = ("unfed", "silent", "blind", "limited", "seeing")


@pytest.mark.parametrize(
    ("kind", "rules", "more", "state", "without"),
    [
        ("event_count", "a", COUNT, "seeing", ""),
        ("event_count", "b", COUNT, "silent", "b"),
        ("event_count", "c", COUNT, "unfed", "c"),
        ("event_count", "b, c", COUNT, "silent", "bc"),
        ("event_count", "a, b", COUNT, "limited", "b"),
        ("temporal", "a, b", "", "silent", "b"),
        ("temporal", "a, b, c", "", "unfed", "bc"),
        ("temporal", "a, b", "  condition: {gte: 1}\n", "limited", "b"),
        ("temporal", "a, b", "  condition: {gt: 1}\n", "silent", "b"),
        ("temporal_ordered", "a, b", "", "silent", "b"),
        ("temporal", "a, b, c", "  condition: a and (b or c)\n", "silent", "bc"),
        ("temporal", "a, b, c", "  condition: a or (b and c)\n", "limited", "bc"),
        ("temporal", "a, b", "  condition: a and not b\n", "limited", "b"),
    ],
)
def test_its_condition_says_which_rules_it_needs(kind: str, rules: str, more: str, state: str, without: str) -> None:
    found = judged(correlation(kind, rules, more), {SYSMON: FULL})["t"]
    assert found.state is State(state)
    assert found.without == tuple({"a": A, "b": B, "c": C}[letter] for letter in without)
    assert found.kinds == ((SYSMON,) if "a" in rules else ())
    assert (found.reason is not None) is (state == "unfed")


def test_all_of_a_temporal_one_arrive() -> None:
    found = judged(correlation("temporal", "a, b", ""), {SYSMON: FULL, QUERY: {"dns.question.name"}})["t"]
    assert (found.state, found.without, found.kinds) == (State.SEEING, (), (SYSMON, QUERY))


def test_fields_that_it_joins_by_are_needed_in_the_events_of_its_rules() -> None:
    text = correlation("value_count", "a", "  group-by: [User]\n  condition: {field: Hashes, gte: 3}\n")
    found = judged(text, {SYSMON: FULL})["t"]
    assert (found.state, found.missing, found.without) == (State.BLIND, ("Hashes",), (A,))
    found = judged(text, {SYSMON: FULL | {"winlog.event_data.Hashes"}})["t"]
    assert (found.state, found.missing) == (State.SEEING, ())


def test_one_class_of_events_that_has_them_is_enough() -> None:
    security = EventClass("windows.eventlog", "Security", 4688, "process")
    text = correlation("event_count", "a", "  group-by: [CommandLine]\n" + COUNT)
    assert judged(text, {security: {"process.executable"}})["t"].state is State.BLIND
    assert judged(text, {security: {"process.executable"}, SYSMON: FULL})["t"].state is State.SEEING


def test_a_chain_sees_what_is_below_it_and_its_fields_go_down_by_their_aliases() -> None:
    lower = correlation("event_count", "a", "  group-by: [Image]\n" + COUNT, "lower")
    upper = correlation(
        "event_count",
        "name_lower",
        "  group-by: [who]\n  aliases: {who: {name_lower: %s}}\n" + COUNT,
        "upper",
    )
    found = judged(lower + upper % "User", {SYSMON: FULL})
    assert {title: one.state for title, one in found.items()} == {"lower": State.SEEING, "upper": State.SEEING}
    found = judged(lower + upper % "Hashes", {SYSMON: FULL})
    assert (found["lower"].state, found["upper"].state) == (State.SEEING, State.BLIND)
    assert found["upper"].missing == ("Hashes",)
    found = judged(lower + upper % "User", {})
    assert {one.state for one in found.values()} == {State.SILENT}
