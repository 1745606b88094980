"""What a rule sees, told from what its events had."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.detect import EventClass
from appliance.detect.routes import shipped_routes
from appliance.detect.visibility import Had, Sight, State, look
from tests.appliance.detect.test_routes import rule

SYSMON = EventClass("windows.eventlog", "Microsoft-Windows-Sysmon/Operational", 1, "process")
SECURITY = EventClass("windows.eventlog", "Security", 4688, "process")
DNS = EventClass("network", None, None, "dns")
PROCESS = "{product: windows, category: process_creation}"


def sight(source: str, selection: str, **had: tuple[EventClass, set[str]]) -> Sight:
    found = {kind: Had(10, 77, frozenset(names)) for kind, names in had.values()}
    return look([rule(source, selection)], shipped_routes(), found)[0]


def test_a_rule_that_nothing_feeds_says_why() -> None:
    one = sight("{product: macos, category: process_creation}", "{Image: x}")
    assert (one.state, getattr(one.reason, "name", "")) == (State.UNFED, "macos")


def test_a_source_without_events_is_silent() -> None:
    assert sight(PROCESS, "{Image: x}").state is State.SILENT
    assert sight(PROCESS, "{Image: x}", dns=(DNS, {"dns.question.name"})).state is State.SILENT


def test_a_rule_whose_event_number_did_not_come_is_silent() -> None:
    source = "{product: windows, service: security}"
    assert sight(source, "{EventID: 4720}", one=(SECURITY, {"event.code"})).state is State.SILENT
    assert sight(source, "{EventID: 4688}", one=(SECURITY, {"event.code"})).state is State.SEEING


def test_a_missing_field_blinds_and_is_named_as_the_rule_names_it() -> None:
    one = sight(PROCESS, "{Image|endswith: a, CommandLine: b}", one=(SECURITY, {"process.executable"}))
    assert (one.state, one.missing, one.events, one.last_at) == (State.BLIND, ("CommandLine",), 10, 77)


def test_one_class_that_has_the_field_is_enough() -> None:
    one = sight(
        PROCESS,
        "{CommandLine: b}",
        bare=(SECURITY, {"process.executable"}),
        full=(SYSMON, {"process.command_line"}),
    )
    assert (one.state, one.missing) == (State.SEEING, ())


def test_an_alternative_that_is_missing_everywhere_limits() -> None:
    one = sight(PROCESS, "[{Image: a}, {OriginalFileName: b}]", one=(SECURITY, {"process.executable"}))
    assert (one.state, one.missing) == (State.LIMITED, ("OriginalFileName",))


QUERY = EventClass("windows.eventlog", SYSMON.channel, 22, "network")
MALWARE = EventClass("windows.eventlog", "Microsoft-Windows-Windows Defender/Operational", 1116, "malware")


@pytest.mark.parametrize(
    ("source", "selection", "kind", "field"),
    [
        ("{product: zeek, service: dns}", "{query: x}", DNS, "dns.question.name"),
        ("{category: dns}", "{query: x}", QUERY, "dns.question.name"),
        ("{product: windows, category: antivirus}", "{Signature: x}", MALWARE, "threat.software.name"),
    ],
)
def test_renamed_fields_are_looked_for_under_their_keys(source: str, selection: str, kind: Any, field: str) -> None:
    assert sight(source, selection, one=(kind, {field})).state is State.SEEING
    assert sight(source, selection, one=(kind, {"other"})).missing == (selection.strip("{}").partition(":")[0],)
