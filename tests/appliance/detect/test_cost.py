"""What rules cost is told of each, also what the index does for them before any is decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.detect.cost import RuleStats, biller
from appliance.detect.model import Rule
from tests.appliance.detect.kit import engine, one, rule

#: Nothing of it can be looked for, so that each new value is searched.
DEAR = "sel:\n  a|re:\n" + "".join(f"    - '^[^{chr(97 + n)}]{{3,9}}[{chr(97 + n)}-z]+\\d{{2}}x$'\n" for n in range(20))


def named(detection: str, number: int) -> Rule:
    return replace(rule(detection), id=f"{number}")


@pytest.mark.parametrize(
    "detection",
    [DEAR + "condition: sel", "sel:\n  a|cidr: 10.0.0.0/8\ncondition: sel", "sel:\n  a|gt: 5\ncondition: sel"],
)
def test_what_the_index_decides_for_a_rule_is_billed_to_it(detection: str) -> None:
    dear, cheap = named(detection, 1), named(one("a|contains: 'kiosk w urzędzie'"), 2)
    matcher = engine(dear, cheap)
    for number in range(12_800):
        matcher.match({"event.module": "test", "a": f"pismo {number} do wydziału"})
    assert matcher.stats["1"].evaluated >= 12_800
    assert matcher.stats["1"].nanoseconds > 0
    assert matcher.stats["2"].nanoseconds == 0


def test_a_dear_rule_is_told_from_a_cheap_one() -> None:
    dear, cheap = named(DEAR + "condition: sel", 1), named("sel:\n  a|gt: 5\ncondition: sel", 2)
    matcher = engine(dear, cheap)
    for number in range(12_800):
        matcher.match({"event.module": "test", "a": f"pismo {number} do wydziału spraw obywatelskich"})
    assert matcher.stats["1"].nanoseconds > 3 * matcher.stats["2"].nanoseconds > 0


def test_rules_with_a_literal_in_common_share_its_bill() -> None:
    stats = [RuleStats() for _ in range(3)]
    bill = biller(stats)
    bill(0b001 | 0b100 << 3, 32, 1_000)
    assert [(one.evaluated, one.nanoseconds) for one in stats] == [(32, 500), (0, 0), (32, 500)]
