"""Fragments become the packets that they were, in every order, within their bounds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers import inet, inet6
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from collector.headers.fragments import MAX_PACKETS, MAX_PIECES, PATIENCE, Fragments
from collector.headers.parse import parse, replaced
from tests.collector.packets import NOON, batch

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
fragment: Any = inet.fragment
fragment6: Any = inet6.fragment6
ENDS: dict[str, Any] = {"src": "10.1.2.3", "dst": "10.9.9.9"}
BODY = bytes(range(256)) * 12


@cache
def _four(size: int = 600, number: int = 7, body: bytes = BODY) -> tuple[bytes, ...]:
    whole = IP(**ENDS, id=number) / UDP(sport=4000, dport=53) / Raw(body)
    return tuple(bytes(MAC / piece) for piece in fragment(whole, size))


@cache
def _six() -> tuple[bytes, ...]:
    whole = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(id=9)
    return tuple(
        bytes(MAC / Dot1Q(vlan=3) / piece) for piece in fragment6(whole / UDP(sport=4000, dport=53) / Raw(BODY), 700)
    )


def _whole(
    fragments: Fragments, packets: Sequence[Any], at: list[int] | None = None
) -> list[tuple[int, int, int, bytes]]:
    headers = parse(batch(packets, at))
    assert headers.network.fragment.all()
    found = fragments.add(headers, list(range(len(packets))))
    if found is None:
        return []
    again = replaced(headers, found.rows, found.frames)
    assert again.flowing.sum() == len(found.rows)
    transport, data = again.transport, again.words.data
    return [
        (
            int(transport.source[row]),
            int(transport.target[row]),
            int(again.links.vlan[row]),
            data[(start := int(transport.payload[row])) : start + int(transport.length[row])].tobytes(),
        )
        for row in found.rows.tolist()
    ]


@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
@settings(max_examples=30)
def test_pieces_make_the_packet_in_any_order(chance: random.Random, six: bool, twice: bool) -> None:
    packets = list(_six() if six else _four())
    assert len(packets) > 3
    chance.shuffle(packets)
    if twice:
        packets.insert(chance.randrange(len(packets)), packets[0])
    fragments = Fragments()
    assert _whole(fragments, packets) == [(4000, 53, 3 if six else -1, BODY)]


def test_pieces_may_come_in_different_batches_and_mixed_with_others() -> None:
    one, other = _four(number=1), _four(number=2, body=BODY[::-1])
    fragments = Fragments()
    assert _whole(fragments, [one[0], other[-1]]) == []
    found = _whole(fragments, one[1:] + other[:-1])
    assert found == [(4000, 53, -1, BODY), (4000, 53, -1, BODY[::-1])]
    assert len(fragments) == 0


def test_a_missing_piece_makes_nothing() -> None:
    fragments = Fragments()
    assert _whole(fragments, _four()[1:]) == []
    assert _whole(Fragments(), _four()[:-1]) == []


def test_where_pieces_overlap_the_first_is_believed_and_it_is_counted() -> None:
    first = MAC / IP(**ENDS, id=5, flags="MF", proto=17) / Raw(bytes(UDP(sport=1, dport=2, len=24)) + b"A" * 8)
    over = MAC / IP(**ENDS, id=5, frag=1, proto=17) / Raw(b"B" * 16)
    fragments = Fragments()
    (found,) = _whole(fragments, [first, over])
    assert found[3] == b"A" * 8 + b"B" * 8
    assert fragments.overlapping == 1


def test_a_piece_that_came_first_is_believed_wherever_it_stands() -> None:
    first = MAC / IP(**ENDS, id=5, frag=2, proto=17) / Raw(b"A" * 8)
    middle = MAC / IP(**ENDS, id=5, flags="MF", frag=1, proto=17) / Raw(b"B" * 16)
    start = MAC / IP(**ENDS, id=5, flags="MF", proto=17) / Raw(bytes(UDP(sport=1, dport=2, len=24)) + b"C" * 8)
    fragments = Fragments()
    (found,) = _whole(fragments, [first, middle, start])
    assert found[3] == b"B" * 8 + b"A" * 8
    assert fragments.overlapping == 2


@pytest.mark.parametrize(
    ("body", "names"),
    [(b"A" * 8, ["fragment_overlap"]), (b"B" * 8, ["fragment_inconsistency"]), (b"", [])],
)
def test_a_packet_of_overlapping_pieces_is_told_once_by_what_they_say(body: bytes, names: list[str]) -> None:
    first = MAC / IP(**ENDS, id=5, flags="MF", proto=17) / Raw(b"U" * 8 + b"A" * 8)
    over = MAC / IP(**ENDS, id=5, flags="MF", frag=1 + (not body), proto=17) / Raw(body + b"C" * 8)
    fragments = Fragments()
    headers = parse(batch([first, first, over, over, MAC / IP(**ENDS, id=5, frag=1, proto=17) / Raw(b"D" * 32)]))
    fragments.add(headers, [0, 1, 2, 3])
    assert fragments.odd == [(2, name) for name in names]
    fragments.add(headers, [4])
    assert [name for _, name in fragments.odd] == ([] if names else ["fragment_inconsistency"])


def test_a_longer_piece_at_the_same_place_brings_what_the_shorter_one_had_not() -> None:
    short = MAC / IP(**ENDS, id=5, flags="MF", proto=17) / Raw(bytes(UDP(sport=1, dport=2, len=24)))
    long = MAC / IP(**ENDS, id=5, flags="MF", proto=17) / Raw(b"B" * 16)
    last = MAC / IP(**ENDS, id=5, frag=2, proto=17) / Raw(b"C" * 8)
    (found,) = _whole(Fragments(), [short, long, last])
    assert found[:2] == (1, 2)
    assert found[3] == b"B" * 8 + b"C" * 8


def test_pieces_too_far_apart_in_time_do_not_meet() -> None:
    fragments = Fragments()
    packets = _four()
    assert _whole(fragments, packets, [NOON, *[NOON + PATIENCE + 1] * (len(packets) - 1)]) == []


def test_what_waits_is_bounded() -> None:
    fragments = Fragments()
    for start in range(0, 3 * MAX_PACKETS, 256):
        first = bytearray(_four()[0])
        pieces = [bytes(first[:18]) + (start + i).to_bytes(2, "big") + bytes(first[20:]) for i in range(256)]
        _whole(fragments, pieces)
    assert len(fragments) == MAX_PACKETS
    assert fragments.given_up == 2 * MAX_PACKETS


def test_a_packet_of_too_many_or_too_long_pieces_is_given_up() -> None:
    many = Fragments()
    _whole(many, [MAC / IP(**ENDS, id=1, flags="MF", frag=i, proto=17) / Raw(bytes(8)) for i in range(MAX_PIECES + 1)])
    assert many.given_up == 1
    beyond = Fragments()
    _whole(beyond, [MAC / IP(**ENDS, id=1, frag=8191, proto=17) / Raw(bytes(64))])
    assert (len(beyond), beyond.given_up) == (0, 1)


@pytest.mark.parametrize("end", range(14 + 20, 14 + 20 + 8))
def test_a_piece_that_the_capture_cut_is_not_taken(end: int) -> None:
    fragments = Fragments()
    headers = parse(batch([bytes(_four()[0])[:end]]))
    headers.batch.wire[:] = 620
    assert fragments.add(headers, [0]) is None
    assert len(fragments) == 0


@given(st.integers(0, 120), st.integers(0, 255), st.booleans())
@settings(max_examples=50)
def test_a_changed_byte_does_no_harm(at: int, value: int, six: bool) -> None:
    packets = [bytearray(packet) for packet in (_six() if six else _four())]
    for packet in packets[:2]:
        packet[at % len(packet)] = value
    headers = parse(batch(packets))
    fragments = Fragments()
    rows = [row for row, piece in enumerate(headers.network.fragment.tolist()) if piece]
    whole = fragments.add(headers, rows)
    if whole is not None:
        replaced(headers, whole.rows, whole.frames)
    assert fragments.taken == len(rows)
