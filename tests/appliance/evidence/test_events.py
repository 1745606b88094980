"""Events as leaves: the quick way writes what the plain way writes; members and parts."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.evidence import events
from appliance.evidence.plain import event_line
from appliance.store import segments
from appliance.store.shape import decode, encode
from tests.appliance.store.strategies import events as stored_events


@settings(max_examples=40, deadline=None)
@given(stored_events().filter(bool))
def test_every_event_of_a_file_is_its_own_canonical_line(made: list[dict[str, Any]]) -> None:

    with tempfile.TemporaryDirectory() as folder:
        table = encode(made).table
        segments.write(Path(folder), "0000000001.parquet", table)
        found = list(events.lines(Path(folder) / "0000000001.parquet"))
        sealed = events.read(Path(folder) / "0000000001.parquet")
    assert [line for line, _ in found] == [event_line(event) for event in decode(table)]
    assert sealed.leaves == b"".join(hashlib.sha256(line).digest() for line, _ in found)
    assert sealed.rows == len(made)


@given(st.lists(st.integers(0, 3), max_size=50))
def test_members_tell_where_each_leaf_came_from(owners: list[int]) -> None:
    leaves = [hashlib.sha256(bytes([n])).digest() for n in range(len(owners))]
    olds = [b"".join(leaf for leaf, owner in zip(leaves, owners, strict=True) if owner == n) for n in (1, 2, 3)]
    found = events.members(olds, b"".join(leaves))
    assert found.tolist() == owners
    assert [events.part(b"".join(leaves), found, n) for n in (1, 2, 3)] == olds
    assert events.unpack(events.pack(found), len(owners)).tolist() == owners


@pytest.mark.parametrize("packed", [b"", b"x", events.pack(events.members([], bytes(320)))])
def test_members_of_another_size_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        events.unpack(packed, 9)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 5000])
def test_what_is_no_segment_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "0000000001.parquet"
    path.write_bytes(content)
    with pytest.raises(events.Damaged, match="0000000001"):
        events.read(path)
    with pytest.raises(events.Damaged):
        list(events.lines(path))
