"""Events as columns: the same values as the events themselves, each event once, beside merges and deletions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search.nodes import Everything
from appliance.store import EmbeddedReader, EmbeddedStore, passes, segments
from appliance.store.columnar import Columns
from appliance.store.columns import RowGroup, StoredColumns, opened
from appliance.store.shape import ID_COLUMN, TIME_COLUMN, decode, encode
from tests.appliance.store.conftest import NOW, Make
from tests.appliance.store.strategies import KINDS, values

events_of = st.lists(st.dictionaries(st.sampled_from(sorted(KINDS)), values, max_size=5), min_size=1, max_size=12)


def _shown(value: object) -> str:
    """A value with its type: 1, 1.0 and True are equal to Python, and nan is not."""
    return repr(value)


def _written(folder: Path, name: str, events: Sequence[Event]) -> list[RowGroup]:
    segments.write(folder, name, encode(events).table)
    file = opened(folder / name)
    return [RowGroup(file, 0, frozenset(file.schema_arrow.names))]


@settings(deadline=None, max_examples=30)
@given(first=events_of, second=events_of)
def test_columns_say_what_the_events_say(
    first: list[Event], second: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("segments")
    made = [{**one, "event.id": event_id(at), "@timestamp": at} for at, one in enumerate([*first, *second])]
    parts = made[: len(first)], made[len(first) :]
    groups = [group for at, part in enumerate(parts) for group in _written(folder, f"{at}.parquet", part)]
    columns = StoredColumns(groups)
    stored = [event for part in parts for event in decode(encode(part).table)]
    whole = columns.events(np.arange(len(columns)))
    assert [{name: _shown(value) for name, value in one.items()} for one in whole] == [
        {name: _shown(value) for name, value in one.items()} for one in stored
    ]
    assert columns.names >= {name for one in stored for name in one}
    for name in sorted(columns.names | {"nobody.has.it"}):
        coded = columns.coded(name)
        assert [_shown(coded.values[code]) for code in coded.codes] == [_shown(one.get(name)) for one in stored]
        some = coded.of(np.arange(0, len(columns), 2))
        assert [_shown(some.values[code]) for code in some.codes] == [_shown(one.get(name)) for one in stored[::2]]
        assert len(some.values) <= len(some.codes) + 1
    said = [(names, raw.decode()) for names, raw in columns.texts()]
    for event in stored:
        for name, value in event.items():
            if isinstance(value, str) and name != "event.id":
                assert any(name in names and value in raw for names, raw in said)


def test_a_field_whose_type_has_changed_has_two_columns(tmp_path: Path) -> None:
    groups = []
    for at, (column, value) in enumerate({"x:s": "5", "x:l": 5}.items()):
        time, identity = pa.array([at], pa.int64()), pa.array([bytes(16)], pa.binary(16))
        segments.write(tmp_path, f"{at}", pa.table({TIME_COLUMN: time, ID_COLUMN: identity, column: [value]}))
        file = opened(tmp_path / f"{at}")
        groups.append(RowGroup(file, 0, frozenset(file.schema_arrow.names)))
    coded = StoredColumns(groups).coded("x")
    assert [coded.values[code] for code in coded.codes] == ["5", 5]


def test_what_a_pass_has_freed_goes_back_to_the_system() -> None:
    assert pa.default_memory_pool().backend_name == "system"


def _ids(parts: Sequence[Columns]) -> list[object]:
    return [event["event.id"] for part in parts for event in part.events(np.arange(len(part)))]


def _fill(store: EmbeddedStore, make: Make, numbers: Sequence[int], times: Sequence[int] | None = None) -> list[object]:
    made = [make(number, None if times is None else times[at]) for at, number in enumerate(numbers)]
    for start in range(0, len(made), 10):
        store.append(encode(made[start : start + 10]), [], 1)
    return [event["event.id"] for event in made]


def _all(reader: EmbeddedReader, start: int | None = None, end: int | None = None) -> list[object]:
    return [one for part in reader.columns(Everything(), start, end) for one in _ids([part])]


def test_every_event_comes_once(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _fill(store, make, range(95))
    wanted += _fill(store, make, range(100, 130), [NOW - 400 * DAY + at for at in range(30)])
    assert sorted(_all(reader)) == sorted(wanted)  # type: ignore[type-var]
    monkeypatch.setattr(passes, "ROWS", 25)
    sizes = [len(part) for part in reader.columns(Everything())]
    assert max(sizes) <= 25
    assert sum(sizes) == 125


def test_a_range_is_inclusive_at_its_start_alone(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    wanted = _fill(store, make, range(60))
    assert sorted(_all(reader, NOW + 15, NOW + 42)) == sorted(wanted[15:42])  # type: ignore[type-var]
    assert _all(reader, NOW + 42, NOW + 15) == []


@pytest.mark.parametrize("large", [False, True])
def test_segments_may_be_merged_and_added_meanwhile(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    wanted = _fill(store, make, range(95))
    if large:
        monkeypatch.setattr("appliance.store.compaction.MAX_ROWS", 100)
    monkeypatch.setattr(passes, "ROWS", 10)
    monkeypatch.setattr("appliance.store.writer.GRACE", -1)
    parts = iter(reader.columns(Everything()))
    found = _ids([next(parts)])
    store.compact(60)
    _fill(store, make, range(200, 220))
    store.compact(60)
    found += [one for part in parts for one in _ids([part])]
    assert sorted(found) == sorted(wanted)  # type: ignore[type-var]


def test_what_is_deleted_meanwhile_is_left_out(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.store.compaction.MAX_ROWS", 2)
    wanted = _fill(store, make, range(20))
    parts = iter(reader.columns(Everything()))
    found = _ids([next(parts)])
    sorted((tmp_path / "store").glob("*.parquet"))[-1].unlink()
    assert found + _ids(list(parts)) == wanted[:10]


def test_a_broken_segment_is_named(store: EmbeddedStore, reader: EmbeddedReader, make: Make, tmp_path: Path) -> None:
    _fill(store, make, range(10))
    (file,) = (tmp_path / "store").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-50])
    assert _all(reader) == []
    assert [one.file for one in reader.damaged()] == [file.name]


def test_a_segment_without_what_was_written_about_its_times_is_named(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, tmp_path: Path
) -> None:
    _fill(store, make, range(10))
    (file,) = (tmp_path / "store").glob("*.parquet")
    pq.write_table(pq.read_table(file), file, write_statistics=False)
    assert list(reader.columns(Everything(), NOW)) == []
    assert [one.file for one in reader.damaged()] == [file.name]


def test_an_empty_store_has_no_parts(store: EmbeddedStore, reader: EmbeddedReader) -> None:
    store.flush()
    assert list(reader.columns(Everything())) == []
