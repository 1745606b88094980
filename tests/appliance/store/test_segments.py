"""How the columns of a segment are written: dear only where it is not merged again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.store import segments
from appliance.store.shape import decode, encode

ALIKE, APART = "process.executable:s", "process.command_line:s"


def _event(number: int) -> Event:
    return {
        "event.id": event_id(number),
        "@timestamp": number,
        "process.executable": f"C:\\Windows\\{number % 3}.exe",
        "process.command_line": f"{number % 3}.exe --id {number}",
    }


@pytest.fixture(params=[31, 32])
def written(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Path]:
    """How many events a segment has, of which 32 or more are many, and its file."""
    monkeypatch.setattr(segments, "ROW_GROUP", 8)
    rows = encode(list(map(_event, range(request.param))))
    segments.write(tmp_path, "one.parquet", rows.table)
    return request.param, tmp_path / "one.parquet"


def _encodings(file: Path) -> dict[str, tuple[str, ...]]:
    group: Any = pq.ParquetFile(file).metadata.row_group(0)
    return {column.path_in_schema: column.encodings for column in map(group.column, range(group.num_columns))}


def test_texts_that_differ_have_no_dictionary_in_a_large_segment(written: tuple[int, Path]) -> None:
    size, file = written
    found = _encodings(file)
    assert "RLE_DICTIONARY" in found[ALIKE]
    assert ("RLE_DICTIONARY" in found[APART]) is (size < 32)


def test_events_come_back_from_either(written: tuple[int, Path]) -> None:
    size, file = written
    assert decode(pq.read_table(file)) == list(map(_event, range(size)))
