"""A pass over everything: each event once, by time and id, whatever the slices and beside a compaction."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore
from appliance.store.scan import scan
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make

HOUR = 3_600_000_000


def fill(store: EmbeddedStore, make: Make, times: list[int], seq: int = 1) -> list[tuple[int, str]]:
    """Append events in several batches; return their times and ids in the order of a pass."""
    made = [make(seq * 100_000 + number, time, x=str(number)) for number, time in enumerate(times)]
    for start in range(0, len(made), 40):
        part = made[start : start + 40]
        store.append(encode(part), [BatchResult(seq, "s", len(part), len(part), 0, 0)], seq)
    store.flush()
    return sorted((event["@timestamp"], event["event.id"]) for event in made)  # type: ignore[misc]


def passed(reader: EmbeddedReader, start: int | None = None, end: int | None = None, rows: int = 15) -> list[object]:
    return [(event["@timestamp"], event["event.id"]) for event in scan(reader, start, end, rows)]


def uneven() -> list[int]:
    """Bursts, gaps of hours, and moments with more events than a slice may hold."""
    draw = random.Random(3)
    bursts = [NOW + draw.randrange(48) * HOUR for _ in range(3)]
    return [draw.choice(bursts) + draw.choice([0, 0, 1, 2, draw.randrange(10**7)]) for _ in range(120)]


@pytest.mark.parametrize("rows", [1, 15, 5000])
def test_every_event_comes_once_and_in_order(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, rows: int
) -> None:
    wanted = fill(store, make, uneven())
    assert passed(reader, rows=rows) == wanted


def test_a_range_is_inclusive_at_its_start_alone(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    wanted = fill(store, make, uneven())
    start, end = wanted[20][0], wanted[90][0]
    assert passed(reader, start, end) == [each for each in wanted if start <= each[0] < end]
    assert passed(reader, end, start) == []


def test_an_empty_store_gives_nothing(store: EmbeddedStore, reader: EmbeddedReader) -> None:
    store.flush()
    assert passed(reader) == []


def test_segments_may_be_merged_and_added_meanwhile(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    wanted = fill(store, make, [NOW + number * 1000 for number in range(400)])
    events = scan(reader, rows=20)
    found = [(event["@timestamp"], event["event.id"]) for event in islice(events, 150)]
    fill(store, make, [NOW - 5 for _ in range(30)], seq=2)
    assert store.compact(5.0) > 0
    found += [(event["@timestamp"], event["event.id"]) for event in events]
    assert found == wanted
