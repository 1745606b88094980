"""Bulk is passed over without being looked at, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.arrays import PAD, Words
from collector.heads.landmarks import Packets, before
from collector.protocols.model import Landmark
from collector.protocols.registry import PROTOCOLS

_MARKS = {3: Landmark(0, (0x41424344,)), 4: Landmark(4, (0x41424344, 0x45464748))}
_PARTS = st.sampled_from([b"ABCD", b"EFGH", b"none", b"AB"])
_PACKETS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([3, 4]), st.lists(_PARTS, max_size=3).map(b"".join)), min_size=1
)
_BEGINNINGS = [
    b"GET /", b"HTTP/1.1 200", b"PRI * HTTP/2.0\r\n", b"PUT *", b"XET /", b"",
    b"\0\0\0\x50\xfeSMB", b"\0\0\0\x50\xffSMB", b"\0\0\0\x50\xfcSMB", b"\0\0\0\x50\xfdSMB",
]  # fmt: skip


def _plain(packets: list[tuple[int, int, bytes]]) -> list[bool]:
    """The same, one packet after another."""
    reached: set[int] = set()
    told = []
    for side, number, data in packets:
        mark = _MARKS[number]
        word = data[mark.offset : mark.offset + 4]
        if len(word) == 4 and int.from_bytes(word, "big") in mark.words:
            reached.add(side)
        told.append(side not in reached)
    return told


@given(packets=_PACKETS)
def test_only_what_comes_before_the_first_landmark_of_its_side_is_passed_over(
    packets: list[tuple[int, int, bytes]],
) -> None:
    sizes = np.array([len(data) for _, _, data in packets])
    words = Words(np.frombuffer(b"".join(data for _, _, data in packets) + bytes(PAD), np.uint8))
    sides, numbers = (np.array([packet[place] for packet in packets]) for place in (0, 1))
    told = before(words, Packets(np.cumsum(sizes) - sizes, sizes, sides, numbers), _MARKS)
    assert told.tolist() == _plain(packets)


@pytest.mark.parametrize("name", ["http", "smb"])
@given(data=st.data())
def test_what_a_protocol_resumes_at_has_its_landmark(name: str, data: st.DataObject) -> None:
    (protocol,) = (one for one in PROTOCOLS if one.name == name)
    mark = protocol.landmark
    assert protocol.resumes is not None
    assert mark is not None
    begin = st.sampled_from(_BEGINNINGS)
    packet = data.draw(begin) + data.draw(st.binary(max_size=80))
    marked = int.from_bytes(packet[mark.offset : mark.offset + 4], "big") in mark.words
    assert not protocol.resumes(packet) or (marked and len(packet) >= mark.offset + 4)
