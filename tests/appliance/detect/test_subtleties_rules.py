"""What engines get wrong about rules: conditions, placeholders, log sources, filters. Numbers as in docs/sigma.md."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from appliance.detect import Engine, RuleSet, load_rules
from appliance.detect.filters import apply_filters
from appliance.normalise import Source, normalise
from tests.appliance.detect import test_subtleties_values
from tests.appliance.detect.kit import ID, decide, document, engine, one, parse, write


def test_13_them_leaves_out_names_with_an_underscore() -> None:
    text = "a:\n  f: x\n_b:\n  g: y\ncondition: all of them"
    assert decide(text, f="x")


def test_13_not_binds_before_and_before_or() -> None:
    text = "a: {f: x}\nb: {g: x}\nc: {h: x}\ncondition: a or not b and c"
    assert decide(text, h="x")
    assert not decide(text, g="x", h="x")
    assert decide(text, f="x", g="x")


def test_13_several_conditions_are_alternatives() -> None:
    text = "a: {f: x}\nb: {g: x}\ncondition: [a, b]"
    assert decide(text, f="x")
    assert decide(text, g="x")
    assert not decide(text, h="x")


@pytest.mark.parametrize("condition", ["1 of sel*", "any of sel*"])
def test_13_one_of(condition: str) -> None:
    assert decide(f"sel_a:\n  f: x\nsel_b:\n  g: x\ncondition: {condition}", g="x")


@pytest.mark.parametrize(
    "condition",
    ["2 of sel*", "1 of nothing*", "missing", "SEL", "sel | count() > 5", "sel and", "(" * 3000, "not " * 2500 + "sel"],
)
def test_13_conditions_that_are_not_sigma_are_located(condition: str) -> None:
    parsed = parse(document(f"sel:\n  f: x\ncondition: {condition}"))
    assert parsed.rules == []
    assert [fault.line for fault in parsed.faults] == [8]


def test_14_a_placeholder_counts_only_with_expand() -> None:
    assert decide(one("a: '%x%'"), a="%x%")
    parsed = parse(document(one("a|expand: '%x%'")))
    assert [(fault.line, "%x%" in fault.message) for fault in parsed.faults] == [(7, True)]


def fed(rule_source: str, event: dict[str, object], detection: str = "sel: {Image: x}\ncondition: sel") -> bool:
    text = document(detection).replace("product: test", rule_source)
    matcher = Engine(RuleSet(parse(text).rules, []))
    return bool(matcher.match(normalise(orjson.dumps(event), Source("", 0, importer=True))))


def test_19_a_log_source_is_more_than_an_event_id() -> None:
    sysmon = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 12, "Computer": "PC", "Image": "x"}
    source = "product: windows\n  category: registry_delete"
    assert not fed(source, {**sysmon, "EventType": "CreateKey"})
    assert fed(source, {**sysmon, "EventType": "DeleteKey"})
    created = {"Channel": "Security", "EventID": 4688, "Computer": "PC", "NewProcessName": "x"}
    assert fed("product: windows\n  category: process_creation", created)
    assert not fed("product: windows\n  category: process_creation", {**created, "Channel": "System"})


def test_20_field_names_lose_their_spaces_and_attributes_join_by_an_underscore() -> None:
    seen = {"Channel": "Microsoft-Windows-Windows Defender/Operational", "EventID": 1116, "Computer": "PC"}
    detection = "sel:\n  ThreatName: Eicar\n  Provider_Name: Microsoft-Windows-Windows Defender\ncondition: sel"
    event = {**seen, "Provider_Name": "Microsoft-Windows-Windows Defender", "Threat Name": "eicar"}
    assert fed("product: windows\n  service: windefend", event, detection)


@pytest.mark.parametrize(
    ("channel", "code", "native", "name"),
    [
        ("Microsoft-Windows-Windows Defender/Operational", 1116, "Source Name", "SourceName"),
        ("Microsoft-Windows-WMI-Activity/Operational", 5859, "Provider", "Provider"),
    ],
)
def test_20_a_field_of_the_event_goes_before_another_name_of_the_provider(
    channel: str, code: int, native: str, name: str
) -> None:
    head = f"<Provider Name='P'/><EventID>{code}</EventID><Channel>{channel}</Channel><Computer>PC</Computer>"
    data = f"<EventData><Data Name='{native}'>AMSI</Data></EventData>"
    text = f"<Event><System>{head}</System>{data}</Event>"
    xml: dict[str, object] = {"event.module": "windows.eventlog", "xml": text}
    flat: dict[str, object] = {"Provider_Name": "P", "EventID": code, "Channel": channel, "Computer": "PC"}
    service = "product: windows\n  service: " + ("windefend" if code == 1116 else "wmi")
    for event in (xml, {**flat, native: "AMSI"}, {**flat, name: "AMSI"}, {name: "AMSI", **flat}):
        assert fed(service, event, f"sel: {{{name}: AMSI}}\ncondition: sel")
        assert not fed(service, event, f"sel: {{{name}: P}}\ncondition: sel")


FILTER = """title: No administrators
id: 11111111-0000-4000-8000-000000000000
logsource:
  product: test
filter:
  rules: {rules}
  _own: {{u: x}}
  selection: {{u: admin}}
  condition: {condition}
"""


@pytest.mark.parametrize(("condition", "kept"), [("selection", "admin"), ("not selection", "jan")])
def test_21_a_filter_is_joined_by_and(condition: str, kept: str) -> None:
    text = document("sel: {a: x}\ncondition: 1 of them") + "---\n"
    parsed = parse(text + FILTER.format(rules=f"[{ID.format(1)}]", condition=condition))
    rules, faults = apply_filters(parsed.rules, parsed.filters)
    assert (parsed.faults, faults) == ([], [])
    hits = [user for user in ("admin", "jan") if engine(*rules).match({"event.module": "test", "a": "x", "u": user})]
    assert hits == [kept]
    assert not engine(*rules).match({"event.module": "test", "u": kept})


def test_21_a_filter_for_a_rule_that_is_not_there_is_said() -> None:
    parsed = parse(
        document("sel: {a: x}\ncondition: sel") + "---\n" + FILTER.format(rules="[nobody]", condition="selection")
    )
    rules, faults = apply_filters(parsed.rules, parsed.filters)
    assert [(fault.line, "nobody" in fault.message) for fault in faults] == [(9, True)]
    assert rules == parsed.rules


def test_23_retired_rules_are_not_loaded_unasked(tmp_path: Path) -> None:
    good = document("sel: {a: x}\ncondition: sel")
    write(tmp_path, "a.yml", good + "status: deprecated\n")
    write(tmp_path, "deprecated/b.yml", good)
    write(tmp_path, "unsupported/c.yml", good)
    assert load_rules([tmp_path]).rules == []
    assert len(load_rules([tmp_path], retired=True).rules) == 1


def test_every_subtlety_has_its_test() -> None:
    numbers = {
        int(name[5:7])
        for name in [*globals(), *vars(test_subtleties_values)]
        if name.startswith("test_") and name[5:7].isdigit()
    }
    assert numbers == set(range(1, 24))
