"""Counting by fields: the store against a plain evaluation, and the bounds."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from appliance.normalise.model import Event, Scalar
from appliance.search import QueryError, columns, matches, parse
from appliance.search.evaluate import elements
from appliance.store import EmbeddedReader, EmbeddedStore, Group, Measure
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make
from tests.appliance.store.strategies import KINDS, events

Key = tuple[str, ...]


def told(value: Scalar) -> str:
    """Return a value with its type, so that 1, True, 1.0 and "1" stay apart."""
    return f"{type(value).__name__}:{value!r}"


def reference(
    found: Sequence[Event], by: Sequence[str], measures: Sequence[Measure]
) -> dict[Key, tuple[int, list[object]]]:
    """Return what grouping means: key → events, measures."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for event in found:
        values = [{told(one) for one in elements(event[name])} if name in event else set() for name in by]
        for key in itertools.product(*values):
            groups[key].append(event)
    return {key: (len(rows), [measured(one, rows) for one in measures]) for key, rows in groups.items()}


def measured(measure: Measure, rows: Sequence[Event]) -> object:
    every = [one for event in rows if measure.field in event for one in elements(event[measure.field])]
    if measure.kind == "distinct":
        return len({told(one) for one in every})
    numbers = [one for one in every if isinstance(one, (int, float)) and not isinstance(one, bool) and fits(one)]
    if not numbers:
        return None
    if measure.kind == "sum":
        return math.fsum(numbers)
    return min(numbers) if measure.kind == "min" else max(numbers)


def fits(number: float) -> bool:
    return -(1 << 63) <= number < 1 << 63 if isinstance(number, int) else math.isfinite(number)


MEASURES = tuple(map(Measure.parse, ("distinct:message", "sum:process.pid", "min:process.pid", "max:message")))


@settings(deadline=None, max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(events(), min_size=1, max_size=2),
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3, unique=True),
    st.sampled_from(["", "NOT host.name:a", "process.pid:>0 OR message:*"]),
)
def test_the_store_groups_as_the_reference_does(batches: list[list[Event]], by: list[str], query: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, reader = EmbeddedStore(Path(folder)), EmbeddedReader(Path(folder))
        for batch in batches:
            store.append(encode(batch), [], 1)
        stored = {str(event["event.id"]): event for batch in reversed(batches) for event in batch}
        by = [name for name in by if name in columns() or name in reader.fields().seen] or ["host.name"]
        wanted = reference([one for one in stored.values() if matches(parse(query), one)], by, MEASURES)
        found = reader.group(query, by, MEASURES, n=1000)
        assert not found.more
        assert {tuple(map(told, row.key)): row.count for row in found.rows} == {k: n for k, (n, _) in wanted.items()}
        for row in found.rows:
            right = wanted[tuple(map(told, row.key))][1]
            assert all(one == pytest.approx(other) for one, other in zip(row.measures, right, strict=True))
        reader.close()
        store.close()


def test_groups_come_by_size_then_by_value(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    batch = [make(n, **{"user.name": f"u{n % 3}", "event.code": n % 2, "source.port": n}) for n in range(10)]
    store.append(encode([*batch, make(20, **{"event.code": 7}), make(21, **{"user.name": ("u0", "u0", "x")})]), [], 1)
    found = reader.group("", ["user.name"], [Measure("sum", "source.port"), Measure("distinct", "event.code")])
    assert found.rows == [
        Group(("u0",), 5, (18, 2)),
        Group(("u1",), 3, (12, 2)),
        Group(("u2",), 3, (15, 2)),
        Group(("x",), 1, (None, 0)),
    ]
    assert [type(one) for one in found.rows[0].measures] == [int, int]
    two = reader.group("user.name:u1", ["user.name", "event.code"], [Measure("max", "source.port")], n=1)
    assert (two.rows, two.more) == ([Group(("u1", 1), 2, (7,))], True)
    assert reader.group("", ["user", "host"], start=NOW + 9, end=NOW + 10).rows == [Group(("u0", "PC-1"), 1)]
    assert reader.group("", ["event.id"], n=1).rows[0].key == (
        min(str(one["event.id"]) for one in [*batch, make(20), make(21)]),
    )


def test_groups_of_nothing(reader: EmbeddedReader) -> None:
    assert reader.group("", ["user.name"], [Measure("sum", "event.code")]).rows == []


def test_wrong_groups_are_named(reader: EmbeddedReader) -> None:
    for by, count in (([], 0), (["user.name"] * 5, 0), (["user.name"], 9)):
        with pytest.raises(ValueError, match="groups by"):
            reader.group("", by, [Measure("sum", "event.code")] * count)
    with pytest.raises(QueryError):
        reader.group("", ["usr.name"])
    for text in ("sum", "sum:", "avg:x", "", ":x"):
        with pytest.raises(ValueError, match="not a measure"):
            Measure.parse(text)
    assert Measure.parse("sum:a:b") == Measure("sum", "a:b")


def test_values_by_their_beginning(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    names = ["Kowalski", "kowalska", "kowalska", ("KOWAL", "anna", "kowal%"), "nowak"]
    store.append(encode([make(n, **{"user.name": name, "event.code": 46 + n}) for n, name in enumerate(names)]), [], 1)
    assert reader.values("user.name", "kow") == [("kowalska", 2), ("KOWAL", 1), ("Kowalski", 1), ("kowal%", 1)]
    assert reader.values("user.name", "KOWAL%", n=5) == [("kowal%", 1)]
    assert reader.values("user.name", n=1) == [("kowalska", 2)]
    assert reader.values("event.code", "4", start=NOW + 3) == [(49, 1)]
    assert reader.values("user", "an") == [("anna", 1)]
    assert reader.values("file.path", "x") == []
