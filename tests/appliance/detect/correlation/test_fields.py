"""Keys of groups: what is done at once for all values is what is done for each."""

from __future__ import annotations

import json
import random

import pytest

from appliance.detect import RuleSet
from appliance.detect.correlation.fields import GAP, LONGEST, group_key, group_text, number_of_text
from appliance.detect.correlation.reading import correlate
from appliance.detect.parse import parse_file
from appliance.detect.selftest import SOURCE
from appliance.detect.values import Value
from appliance.normalise import normalise
from tests.appliance.detect import kit
from tests.appliance.detect.kit import decide

VALUES: tuple[Value | None, ...] = (
    *("Anna", "ANNA", "", "Zażółć", "STRASSE", "straße", "a\x1fb", "a\x1cb", "tab\t", "\ud800", "K", "\x00"),
    *("x" * (LONGEST // 2), "Y" * LONGEST, "z" * (LONGEST + 1), "é" * (LONGEST + 1)),
    *(None, 7, 2.5, True, ("a", "B"), ("A", "", 3), ()),
)


def test_a_key_has_each_value_as_groups_compare_it() -> None:
    draw, keys = random.Random(7), set[str]()
    for number in range(4000):
        values = tuple(draw.choices(VALUES, k=number % 4))
        parts = [group_text(value) for value in values]
        key = group_key(values)
        assert key == (None if "" in parts else GAP.join(parts)), values
        if key is not None:
            keys.add(key)
            assert key.count(GAP) == max(0, len(values) - 1)
    assert len(keys) > 100
    assert group_key(("Anna", "K")) == group_key(("ANNA", "k")) == f"anna{GAP}k"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *(("7", 7.0), ("-2.5e1", -25.0), (7, 7.0), (2.5, 2.5), (2**60, float(2**60)), (("8", "9"), 8.0)),
        *(("1_000", None), (" 7 ", None), ("٧", None), ("nan", None), ("inf", None), ("1e999", None), ("", None)),
        *((True, None), ((), None), (None, None), (10**400, None), ("9" * 401, None), ((float("inf"),), None)),
    ],
)
def test_a_number_is_read_as_rules_read_it(value: Value | None, number: float | None) -> None:
    assert number_of_text(value) == number
    if value in ("7", "-2.5e1", "1_000", " 7 ", "٧", "nan", ""):
        assert decide(kit.one("a|gt: -1000"), a=value) is (number is not None)


ACCOUNTS = """
title: R
name: logon
logsource: {product: windows, service: security}
detection: {s: {EventID: 4625}, condition: s}
---
title: C
correlation:
  type: TYPE
  rules: [logon]
  timespan: 5m
"""
SID = "S-1-5-21-1-2-3-501"


@pytest.mark.parametrize(
    ("body", "names", "hits"),
    [
        ("event_count\n  group-by: [TargetUserName]\n  condition: {gte: 2}", ("Gość", "Guest"), 1),
        ("event_count\n  group-by: [TargetUserName]\n  condition: {gte: 2}", ("Gość", "anna"), 0),
        ("value_count\n  condition: {gte: 2, field: TargetUserName}", ("Gość", "Guest"), 0),
        ("value_count\n  condition: {gte: 2, field: TargetUserName}", ("Gość", "anna"), 1),
    ],
)
def test_an_account_is_one_in_every_language(body: str, names: tuple[str, str], hits: int) -> None:
    kind, _, rest = body.partition("\n")
    parsed = parse_file("c.yml", (ACCOUNTS.replace("TYPE", kind) + rest + "\n").encode())
    assert parsed.faults == []
    records = [
        {"EventID": 4625, "Channel": "Security", "Computer": "pc", "TimeCreated": f"2026-01-01T00:00:0{second}Z"}
        | {"TargetUserName": name, "TargetDomainName": "PC", "TargetUserSid": SID, "EventRecordID": second}
        for second, name in enumerate(names)
    ]
    events = [normalise(json.dumps(record).encode(), SOURCE) for record in records]
    assert len(correlate(RuleSet(parsed.rules, [], correlations=parsed.correlations), events)) == hits
