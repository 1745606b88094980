"""Events as lines and as blocks: what is made of columns is what the verifier makes of JSON."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.evidence import events
from appliance.evidence.blocks import WRONG, block_hash, events_digest
from appliance.evidence.chain import canonical, parsed
from appliance.evidence.plain import event_line, plain
from appliance.normalise.model import Event
from appliance.store import segments
from appliance.store.digest import BLOCK, blocks, digest
from appliance.store.shape import decode, encode
from tests.appliance.store.strategies import events as stored_events

Events = list[dict[str, Any]]


def by_json(table: Any) -> list[bytes]:
    """The hashes of a table's blocks as the verifier makes them, from lines."""
    found = []
    for start in range(0, table.num_rows, BLOCK):
        part = table.slice(start, BLOCK)
        about = parsed(canonical(events.opened(part)))
        found.append(block_hash(about, [parsed(line) for line, _ in events.lines(part)]))
    return found


@settings(max_examples=40)
@given(stored_events().filter(bool))
def test_every_event_of_a_file_is_its_own_canonical_line(made: Events) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = encode(made).table
        segments.write(Path(folder), "0000000001.parquet", table)
        stored = events.table_of(Path(folder) / "0000000001.parquet")
    assert [line for line, _ in events.lines(stored)] == [canonical(plain(event)) for event in decode(table)]
    assert [event_line(event) for event in made] == [line for line, _ in events.lines(stored)]
    assert digest(stored) == digest(table) == events_digest(len(made), by_json(table))


@settings(max_examples=40)
@given(stored_events().filter(bool), stored_events(), st.randoms(use_true_random=False))
def test_a_digest_stands_for_rows_whatever_they_stand_among(one: Events, two: Events, random: Any) -> None:
    tables = [encode(part).table for part in (one, two)]
    both = pa.concat_tables(tables, promote_options="default")
    owners = np.array([1] * len(one) + [2] * len(two), dtype=np.uint16)
    # Merged in any way that keeps the order within each.
    order = sorted(range(len(owners)), key=lambda _: random.random())
    slots = iter(range(len(one))), iter(range(len(one), len(owners)))
    merged_owners = owners[order]
    merged = both.take([next(slots[owner - 1]) for owner in merged_owners])
    for number, table in enumerate(tables, 1):
        assert digest(events.part(merged, merged_owners, number)) == digest(table)
    assert events_digest(merged.num_rows, by_json(merged)) == digest(merged)
    assert digest(both.slice(len(one))) == digest(tables[1])


@settings(max_examples=40)
@given(stored_events().filter(bool), st.data())
def test_any_other_events_have_another_digest(made: Events, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(made) - 1))
    changed = [dict(event) for event in made]
    name = data.draw(st.sampled_from(["host.name", "process.pid", "x.\"y'", "new", "event.time_corrected"]))
    changed[at][name] = data.draw(st.sampled_from(["", "a", 0, 1, 2**70, True, False, 0.5, (), ("a",), ("a", 1)]))
    same = [canonical(plain(event)) for event in changed] == [canonical(plain(event)) for event in made]
    same = same and [repr(event.get(name)) for event in changed] == [repr(event.get(name)) for event in made]
    assert (digest(encode(changed).table) == digest(encode(made).table)) == same


def test_blocks_end_where_they_should() -> None:
    made: list[Event] = [
        {"event.id": event_id(n), "@timestamp": n, "host.name": f"h{n % 7}", "x": n} for n in range(600)
    ]
    table = encode(made).table
    found = blocks(table)
    assert [len(found), found] == [3, by_json(table)]
    made[511]["x"] = 0
    assert [one == two for one, two in zip(found, blocks(encode(made).table), strict=True)] == [True, False, True]
    assert blocks(table.slice(0, 0)) == []


def test_what_stands_behind_a_missing_text_is_no_part_of_it() -> None:
    ids = pa.array([bytes(16), bytes(15) + b"1", bytes(15) + b"2"], pa.binary(16))
    offsets = pa.py_buffer(np.array([0, 1, 4, 5], dtype="<i4").tobytes())
    hidden = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"axyzb"), pa.py_buffer(b"\x05"), 1)
    assert hidden.to_pylist() == ["a", None, "b"]
    plainly = pa.array(["a", None, "b"])
    one, two = (pa.table({"event.id:id": ids, "host.name:s": names}) for names in (hidden, plainly))
    assert digest(one) == digest(two)


WRONG_LINES = [
    ("a field more", {"extra": "x"}),
    ("a number as truth", {"process.pid": True}),
    ("a truth as number", {"event.time_corrected": 1}),
    ("a number as text", {"x": "5"}),
    ("a list as one", {"y": "a"}),
    ("none", {"host.name": None}),
    ("another list", {"y": ["a", "b"]}),
    ("capital id", {"event.id": event_id(0).upper()}),
]


@pytest.mark.parametrize("change", [change for _, change in WRONG_LINES], ids=[name for name, _ in WRONG_LINES])
def test_a_line_that_only_looks_like_its_event_is_refused(change: dict[str, Any]) -> None:
    event: Event = {"event.id": event_id(0), "@timestamp": 7, "host.name": "h", "process.pid": 1, "x": 5, "y": ("a", 1)}
    table = encode([event | {"event.time_corrected": True}]).table
    about, (line,) = events.opened(table), [parsed(line) for line, _ in events.lines(table)]
    assert block_hash(about, [line]) == blocks(table)[0]
    with suppress(*WRONG):
        assert block_hash(about, [line | change]) != blocks(table)[0]
    missing = {name: value for name, value in line.items() if name not in change}
    with suppress(*WRONG):
        assert (block_hash(about, [missing]) != blocks(table)[0]) == (missing != line)


@pytest.mark.parametrize("packed", [b"", b"x", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_members_of_another_size_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        events.unpack(packed, 9)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 5000])
def test_what_is_no_segment_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "0000000001.parquet"
    path.write_bytes(content)
    with pytest.raises(events.Damaged, match="0000000001"):
        events.table_of(path)
