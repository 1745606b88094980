"""Bytes in their order: whatever comes early, twice, overlapping or not at all."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.heads.stream import MAX_HELD, MAX_SEGMENTS, RECENT, Stream

TEXT = bytes(i % 251 for i in range(4000))
START = 2**32 - 1000


def _at(place: int) -> int:
    return (START + place) % 2**32


@given(st.integers(0, 2**32), st.integers(1, 600))
@settings(max_examples=50)
def test_segments_in_any_order_give_the_text(seed: int, reach: int) -> None:
    chance = random.Random(seed)
    cuts = sorted({0, len(TEXT), *(chance.randrange(len(TEXT)) for _ in range(60))})
    parts = list(itertools.pairwise(cuts))
    for _ in range(20):
        first = chance.randrange(len(TEXT))
        parts.insert(chance.randrange(len(parts)), (first, min(len(TEXT), first + chance.randrange(300))))
    order = sorted(range(len(parts)), key=lambda i: parts[i][0] + chance.random() * reach)
    stream, found = Stream(START), []
    for i in order:
        first, end = parts[i]
        found += stream.take(_at(first), TEXT[first:end])
    found += stream.flush()
    assert b"".join(piece for piece in found if piece) == TEXT
    assert None not in found
    assert (stream.held, stream.contradicted) == (0, False)


def test_a_hole_is_told_once_and_what_follows_is_given() -> None:
    stream = Stream(START)
    assert stream.take(_at(0), b"abc") == [b"abc"]
    assert stream.take(_at(10), b"klm") == []
    assert stream.take(_at(13), b"nop") == []
    assert stream.flush() == [None, b"klm", b"nop"]
    assert stream.take(_at(16), b"q") == [b"q"]
    assert stream.take(_at(3), b"late!!") == []


def test_bytes_that_the_capture_cut_are_a_hole() -> None:
    stream = Stream(START)
    assert stream.take(_at(0), b"abc", 7) == [b"abc", None]
    assert stream.take(_at(10), b"next") == [b"next"]


@pytest.mark.parametrize("size", [1, MAX_HELD // 8])
def test_what_waits_is_bounded(size: int) -> None:
    stream = Stream(START)
    pieces = []
    for i in range(2 * MAX_SEGMENTS):
        pieces += stream.take(_at(1 + i * size), bytes(size))
        assert stream.held <= MAX_HELD
    assert pieces[0] is None
    assert pieces.count(None) == 1


def test_without_leave_to_wait_nothing_waits() -> None:
    stream = Stream(START)
    assert stream.take(_at(5), b"x", wait=False) == [None, b"x"]


def test_a_stream_without_known_beginning_begins_with_what_comes() -> None:
    stream = Stream(-1)
    assert stream.take(_at(77), b"x") == [b"x"]
    assert stream.take(_at(78), b"y") == [b"y"]


@pytest.mark.parametrize(
    ("second", "contradicts"),
    [
        ((0, b"GET /index.html"), False),
        ((0, b"GET /virus.html"), True),
        ((5, b"virus"), True),
        ((5, b"index.html HTTP/1.1"), False),
        ((5, b"virus.html HTTP/1.1"), True),
        ((14, b"\0"), False),  # whether the other side is still there
        ((0, b""), False),
        ((15, b" HTTP/1.1"), False),
        ((100, b" HTTP/1.1"), False),
        ((2**32 - 3, b"xxxGET"), False),
        ((2**32 - 3, b"xxxPUT"), True),
    ],
)
@pytest.mark.parametrize("cut", [1, 4, 15])
def test_what_comes_again_with_another_content_is_noticed(
    second: tuple[int, bytes], contradicts: bool, cut: int
) -> None:
    stream, said = Stream(START), b"GET /index.html"
    for at in range(0, len(said), cut):
        stream.take(_at(at), said[at : at + cut])
    assert not stream.contradicted
    stream.take(_at(second[0]), second[1])
    assert stream.contradicted == contradicts


def test_what_waits_twice_with_different_contents_is_noticed() -> None:
    stream = Stream(START)
    assert stream.take(_at(5), b"virus") == stream.take(_at(5), b"index") == []
    assert stream.take(_at(0), b"GET /") == [b"GET /", b"virus"]
    assert stream.contradicted


def test_what_lies_before_a_hole_or_too_far_back_is_not_compared() -> None:
    stream = Stream(START)
    stream.take(_at(0), b"GET /")
    stream.take(_at(9), b"end", missing=4)
    assert stream.flush() == [None, b"end", None]
    stream.take(_at(0), b"PUT /")
    stream.take(_at(16), TEXT)
    stream.take(_at(16), b"another")
    assert not stream.contradicted
    stream.take(_at(16 + len(TEXT) - RECENT), b"another")
    assert stream.contradicted
