"""Numbers of windows that move on, against the same computed anew for each."""

from __future__ import annotations

import math
import random
from statistics import median

import pytest

from appliance.detect.correlation import Bounds, Kind
from appliance.detect.correlation.entry import merged, name, number, tail
from appliance.detect.correlation.statistic import windows_of

from .traces import document, ruleset


def _entries(draw: random.Random, count: int) -> tuple[list[bytes], list[float]]:
    values = [draw.choice((-3.0, -0.0, 0.0, 0.1, 2.5, 9.0, float(draw.randrange(1000)))) for _ in range(count)]
    carried = draw.choice(((b"",), (b"", b'["a"]', b'["something longer"]')))
    return [
        name(at, bytes(16)) + tail(1, number(value), draw.choice(carried)) for at, value in enumerate(values)
    ], values


def _plain(kind: Kind, values: list[float], percentile: float) -> float:
    if kind is Kind.VALUE_SUM:
        return math.fsum(values)
    if kind is Kind.VALUE_AVG:
        return math.fsum(values) / len(values)
    if kind is Kind.VALUE_MEDIAN:
        return median(values)
    return sorted(values)[max(0, math.ceil(percentile / 100 * len(values) - 1e-9) - 1)]


@pytest.mark.parametrize("kind", [Kind.VALUE_SUM, Kind.VALUE_AVG, Kind.VALUE_MEDIAN, Kind.VALUE_PERCENTILE])
def test_a_row_of_windows_has_the_numbers_of_each(kind: Kind) -> None:
    draw = random.Random(str(kind))
    for _ in range(60):
        body = document(kind, draw)
        (one,) = ruleset(body).correlations
        assert isinstance(one.condition, Bounds)
        entries, values = _entries(draw, draw.choice((1, 10, 200)))
        first = low = draw.randrange(len(entries))
        number_of, high = windows_of(one)(entries, first, len(entries)), first
        while high < len(entries):
            high = min(len(entries), high + draw.choice((1, 1, 1, 40)))
            low = min(high - 1, low + draw.choice((0, 1, 1, 3, 90)))
            assert number_of(low, high) == _plain(kind, values[low:high], one.condition.percentile or 0)


def test_an_average_knows_how_many_hits_an_entry_stands_for() -> None:
    (one,) = ruleset(
        {"type": "value_avg", "rules": ["ra"], "timespan": "1h", "condition": {"field": "amount", "gt": 1}}
    ).correlations
    entries = [name(at, bytes(16)) + tail(1, number(value)) for at, value in enumerate((1.0, 2.0, 9.0))]
    assert windows_of(one)([merged(*entries[:2]), entries[2]], 0, 2)(0, 2) == 4.0
    many = [merged(*entries[:2])] * 100 + [entries[2]] * 50
    assert windows_of(one)(many, 0, 150)(0, 150) == (100 * 3.0 + 50 * 9.0) / 250
