"""Values that Windows writes otherwise than events have them may stand in a rule as Windows writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.detect import Engine, RuleSet
from appliance.detect.selftest import SOURCE
from appliance.hunt.question import question
from appliance.normalise import normalise
from appliance.search.evaluate import matches
from tests.appliance.detect.kit import document, one, parse

GUID = "{AA4C9A05-9F4D-66E6-1B00-000000001900}"
SYSMON = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "ProcessGuid": GUID, "ProcessId": "4"}
STARTED = {"EventID": 4688, "Channel": "Security", "NewProcessId": "0x1f0", "ProcessId": "0x4"}
OPENED = {"EventID": 4663, "Channel": "Security", "ProcessId": "0x4", "ObjectName": "C:\\x"}
ECS = {
    "winlog": {"channel": "Security", "event_id": 4688, "event_data": {"NewProcessId": "0x1f0", "ProcessId": "0x4"}},
}


@pytest.mark.parametrize(
    ("record", "line", "hit"),
    [
        (SYSMON, f"ProcessGuid: '{GUID}'", True),
        (SYSMON, f"ProcessGuid: '{GUID.lower()}'", True),
        (SYSMON, f"ProcessGuid|cased: '{GUID.lower()}'", False),
        (SYSMON, f"ProcessGuid: '{GUID[1:-1]}'", True),
        (SYSMON, "ProcessGuid|startswith: '{aa4c'", True),
        (SYSMON, "ProcessGuid|endswith: '1900}'", True),
        (SYSMON, "ProcessGuid: '{aa4c*1900}'", True),
        (SYSMON, "ProcessGuid|contains: '{9f4d'", False),
        (SYSMON, "ProcessGuid: '{aa4c*'", True),
        (SYSMON, "ProcessGuid: '{aa4c'", False),
        (SYSMON, "ProcessId: '0x4'", True),
        (SYSMON, "ProcessId: ['0x5', '0x0004']", True),
        (STARTED, "NewProcessId: '0x1f0'", True),
        (STARTED, "NewProcessId: '0X1F0'", True),
        (STARTED, "NewProcessId: 496", True),
        (STARTED, "NewProcessId: 0x1f0", True),
        (STARTED, "NewProcessId: '0x1f1'", False),
        (STARTED, "ProcessId: '0x1f0'", True),
        (OPENED, "ProcessId: '0x4'", True),
        (OPENED, "ProcessId: 'four'", False),
        (ECS, "NewProcessId: '0x1f0'", True),
    ],
)
def test_a_rule_may_write_what_windows_writes(record: dict[str, Any], line: str, hit: bool) -> None:
    text = document(one(line)).replace("product: test", "product: windows")
    (rule,) = parse(text).rules
    event = normalise(json.dumps(record).encode(), SOURCE)
    engine = Engine(RuleSet([rule], []))
    assert engine.match(event) == [rule] * hit
    assert engine.explain(rule, event).truth is hit
    asked = question([rule])
    assert asked is not None
    assert matches(asked, event) or not hit
    if hit:
        (found,) = engine.matched_fields(rule, event).values()
        assert found in event.values()
