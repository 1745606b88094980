"""The envelope and its bounds."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.envelope import EnvelopeError, encode_record, pack, unpack
from agent.wire.limits import MAX_INFLATED, MAX_RECORD, MAX_RECORDS

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(), st.booleans(), st.none(), NUMBERS)
RECORDS = st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), SCALARS), max_size=20)


@given(RECORDS)
def test_records_travel_unchanged(records: list[dict[str, object]]) -> None:
    lines = unpack(pack(encode_record(record) for record in records))  # type: ignore[arg-type]
    assert [json.loads(line) for line in lines] == records


def test_a_lone_surrogate_becomes_harmless() -> None:
    assert json.loads(encode_record({"x": "a\ud800b"})) == {"x": "a?b"}


def test_a_newline_in_a_value_does_not_split_its_record() -> None:
    assert len(unpack(pack([encode_record({"x": "a\nb\r\n"})]))) == 1


def test_nan_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_record({"x": float("nan")})


@given(st.binary(max_size=400))
def test_any_bytes_are_unpacked_or_refused(body: bytes) -> None:
    try:
        lines = unpack(body)
    except EnvelopeError:
        return
    assert len(lines) <= MAX_RECORDS


@given(st.integers(1, 60))
def test_a_cut_body_is_refused(cut: int) -> None:
    body = pack([b'{"a":1}'] * 50 + [bytes(range(48, 90))])
    with pytest.raises(EnvelopeError):
        unpack(body[: max(0, len(body) - cut)])


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(EnvelopeError, match="trailing"):
        unpack(pack([b"{}"]) + b"x")


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = zlib.compress(b" " * (MAX_INFLATED * 4), 9)
    assert len(bomb) < 100_000
    with pytest.raises(EnvelopeError, match="inflates"):
        unpack(bomb)


def test_a_bomb_in_a_bomb_is_only_data() -> None:
    inner = zlib.compress(b"x" * MAX_INFLATED * 2, 9)
    assert b"".join(unpack(zlib.compress(inner.replace(b"\n", b"")))) == inner.replace(b"\n", b"")


def test_bounds_of_records() -> None:
    assert len(unpack(pack([b"{}"] * MAX_RECORDS))) == MAX_RECORDS
    with pytest.raises(EnvelopeError, match="records"):
        unpack(pack([b"{}"] * (MAX_RECORDS + 1)))
    assert len(unpack(pack([b"x" * MAX_RECORD]))) == 1
    with pytest.raises(EnvelopeError, match="longer"):
        unpack(pack([b"x" * (MAX_RECORD + 1)]))
