"""What came again and what never came, as the history of a connection tells it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.packet import Packet

from collector.flows.table import FlowTable
from tests.collector.flows.packets import FINE, HELLO, HI, take, tcp
from tests.collector.packets import NOON


@pytest.mark.parametrize(
    ("packets", "history"),
    [
        ([HELLO, HI, FINE, tcp("PA", b"hi", 101), tcp("PA", b"hi", 101)], "ShADT"),
        ([HELLO, HI, FINE, *[tcp("<PA", b"yo", 901)] * 10], "ShAdt"),
        ([HELLO, HI, FINE, *[tcp("<PA", b"yo", 901)] * 11], "ShAdtt"),
        ([HELLO, HI, FINE, *[tcp("PA", b"hi", 101)] * 101], "ShADTTT"),
        ([HELLO, HI, tcp("PA", b"abcd", 105), tcp("PA", b"abcd", 101)], "ShDT"),  # late is again, as Zeek has it
        ([HELLO, HI, tcp("PA", b"abcd", 101), tcp("PA", b"cdef", 103)], "ShD"),  # brings more
        ([HELLO, HELLO, HI, HI, FINE, FINE], "ShA"),
        ([HELLO, HI, FINE, tcp("PA", b"hi", 101), tcp("R", b"no", 101)], "ShADR"),
        ([HELLO, HI, FINE, tcp("PA", b"hi", 103)], "ShADG"),
        ([HELLO, HI, FINE, tcp("<PA", b"yo", 1901), tcp("<FA", seq=1903), tcp("FA", seq=101)], "ShAdfFg"),
        ([HELLO, HI, FINE, tcp("PA", b"hi", 103), tcp("<PA", b"yo", 905)], "ShADdGg"),
        ([HELLO, HI, FINE, tcp("PA", b"hi", 103), tcp("PA", b"ab", 101)], "ShADT"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_what_came_again_and_what_never_came_stand_in_the_history(
    packets: list[Packet], history: str, *, alone: bool
) -> None:
    table, ended = FlowTable(), []
    for i, part in enumerate([[one] for one in packets] if alone else [packets]):
        ended += take(table, part, [NOON + i * 1000 + j for j in range(len(part))]).ended
    (conn,) = ended + table.finish()
    assert conn.history == history


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("other", [5000, 10, 2**31 + 901])
def test_a_side_that_says_twice_where_it_begins_begins_where_it_goes_on(
    other: int, *, first: bool, alone: bool
) -> None:
    at, again = 901 if first else other + 1, tcp("<SA", seq=other)
    packets = [
        HELLO,
        HI,
        again,
        FINE,
        tcp("PA", b"hi", 101),
        tcp("<PA", b"yo", at),
        HI,
        again,
        tcp("<PA", b"go", at + 2),
    ]
    table, ended = FlowTable(), []
    for i, part in enumerate([[one] for one in packets] if alone else [packets]):
        ended += take(table, part, [NOON + i * 1000 + j for j in range(len(part))]).ended
    (conn,) = ended + table.finish()
    assert (conn.bytes, conn.payload, conn.history) == ((2, 4), (2, 4), "ShADd")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=60), st.integers(1, 60))
@settings(max_examples=25)
def test_what_came_again_is_counted_as_packet_by_packet(sent: list[tuple[int, int]], size: int) -> None:
    packets = [tcp("PA", bytes(length), (2**32 - 20 + place) % 2**32) for place, length in sent]
    top, again = sent[0][0], 0
    for place, length in sent:
        again += length > 0 and place + length <= top
        top = max(top, place + length)
    table = FlowTable()
    for start in range(0, len(packets), size):
        assert take(table, packets[start : start + size], range(NOON + start, NOON + len(packets))[:size]).ended == []
    (conn,) = table.finish()
    assert conn.history.count("T") == len(str(again)) * (again > 0)
    assert conn.bytes == (top - sent[0][0], 0)
