"""Frames of an ordinary office, made quickly: a connection costs microseconds, so that a day of it costs seconds."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from collector.capture.batch import Batch, Link, batch_of
from tests.collector.protocols.talk import Turn

SECOND = 1_000_000_000
_SYN, _SYN_ACK, _ACK, _PUSH, _FIN, _RST = 0x02, 0x12, 0x10, 0x18, 0x11, 0x14
_SEGMENT = 1400
_LARGEST = 65_000
"""Bytes of a packet that a card has merged; of such bulk the headers alone are captured."""


class Frame(NamedTuple):
    """A frame: its time in nanoseconds, what was captured of it, and its length on the wire."""

    at: int
    data: bytes
    wire: int


class Host(NamedTuple):
    """A computer: its address, and the card by which its packets pass (a router's where it is far)."""

    ip: str
    card: bytes

    @property
    def number(self) -> bytes:
        return bytes(map(int, self.ip.split(".")))

    @property
    def mac(self) -> str:
        return self.card.hex(":")


def _packet(source: Host, target: Host, proto: int, body: bytes, more: int = 0) -> tuple[bytes, int]:
    """Return a frame, and its length with so many bytes more that were not captured."""
    size = 20 + len(body) + more
    head = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0, 64, proto, 0) + source.number + target.number
    return target.card + source.card + b"\x08\x00" + head + body, 14 + size


class Connection:
    """One connection of TCP, frame by frame, `gap` nanoseconds apart."""

    def __init__(self, at: int, ends: tuple[Host, Host], ports: tuple[int, int], gap: int = 8_000_000) -> None:
        self.at, self._ends, self._ports, self._gap = at, ends, ports, gap
        self._seq = [at // 1000 & 0x3FFFFFFF, at // 777 & 0x3FFFFFFF]

    def frame(self, side: int, data: bytes = b"", flags: int = _PUSH, more: int = 0) -> Frame:
        seq, ack = self._seq[side], self._seq[1 - side] if flags != _SYN else 0
        ports = (self._ports[side], self._ports[1 - side])
        head = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0)
        made = _packet(self._ends[side], self._ends[1 - side], 6, head + data, more)
        self._seq[side] += len(data) + more + (flags in {_SYN, _SYN_ACK, _FIN})
        self.at += self._gap
        return Frame(self.at, *made)

    def opened(self) -> Iterator[Frame]:
        yield self.frame(0, flags=_SYN)
        yield self.frame(1, flags=_SYN_ACK)
        yield self.frame(0, flags=_ACK)

    def said(self, side: int, data: bytes) -> Iterator[Frame]:
        for at in range(0, len(data), _SEGMENT):
            yield self.frame(side, data[at : at + _SEGMENT])

    def bulk(self, side: int, count: int) -> Iterator[Frame]:
        """So many bytes of which only the headers are captured."""
        while count > 0:
            yield self.frame(side, flags=_ACK, more=min(count, _LARGEST))
            count -= _LARGEST

    def closed(self) -> Iterator[Frame]:
        yield self.frame(0, flags=_FIN)
        yield self.frame(1, flags=_FIN)
        yield self.frame(0, flags=_ACK)


def tcp(
    at: int, ends: tuple[Host, Host], ports: tuple[int, int], turns: Iterable[Turn], *,
    sent: int = 0, got: int = 0, seconds: float = 0.0,
) -> Iterator[Frame]:  # fmt: skip
    """Yield a connection with these turns, then bulk each way, which lasts so many seconds."""
    made = Connection(at, ends, ports)
    yield from made.opened()
    for side, data in turns:
        yield from made.said(int(side), data)
    yield from made.bulk(0, sent)
    yield from made.bulk(1, got)
    until = at + int(seconds * SECOND)
    while made.at < until:
        made.at = min(until, made.at + 200 * SECOND)
        yield made.frame(0, b"\x17\x03\x03\x00\x20" + bytes(32))
        yield made.frame(1, b"\x17\x03\x03\x00\x30" + bytes(48))
    yield from made.closed()


def refused(at: int, ends: tuple[Host, Host], ports: tuple[int, int]) -> Iterator[Frame]:
    """Yield an attempt at a port on which nothing listens."""
    made = Connection(at, ends, ports)
    yield made.frame(0, flags=_SYN)
    yield made.frame(1, flags=_RST)


def silent(at: int, ends: tuple[Host, Host], ports: tuple[int, int]) -> Iterator[Frame]:
    """Yield an attempt at a computer that is off."""
    made = Connection(at, ends, ports, SECOND)
    yield made.frame(0, flags=_SYN)
    made._seq[0] -= 1
    yield made.frame(0, flags=_SYN)


def udp(
    at: int, ends: tuple[Host, Host], ports: tuple[int, int], turns: Iterable[Turn], gap: int = 9_000_000
) -> Iterator[Frame]:
    """Yield datagrams."""
    for side, data in turns:
        head = struct.pack(">HHHH", ports[side], ports[1 - side], 8 + len(data), 0)
        at += gap
        yield Frame(at, *_packet(ends[side], ends[1 - side], 17, head + data))


def ping(at: int, ends: tuple[Host, Host], *, answered: bool) -> Iterator[Frame]:
    """Yield an echo request and, where somebody is there, its answer."""
    for side, kind in ((0, 8), (1, 0))[: 1 + answered]:
        body = struct.pack(">BBHHH", kind, 0, 0, 7, at // SECOND & 0xFFFF) + bytes(32)
        yield Frame(at + side * 400_000, *_packet(ends[side], ends[1 - side], 1, body))


def arp(at: int, source: Host, target: Host, *, answered: bool = True) -> Iterator[Frame]:
    """Yield the question for a card and its answer."""
    everyone, head = b"\xff" * 6, bytes.fromhex("0001080006040001")
    asked = source.card + source.number + bytes(6) + target.number
    yield Frame(at, everyone + source.card + b"\x08\x06" + head + asked, 60)
    if answered:
        said = target.card + target.number + source.card + source.number
        yield Frame(at + 300_000, source.card + target.card + b"\x08\x06" + head[:-1] + b"\x02" + said, 60)


def batches(frames: Iterable[Frame], most: int = 3000) -> Iterator[Batch]:
    """Yield frames, which come in the order of their times, as a capture file gives them."""
    part: list[Frame] = []
    for frame in frames:
        part.append(frame)
        if len(part) == most:
            yield _batch(part)
            part = []
    if part:
        yield _batch(part)


def _batch(part: list[Frame]) -> Batch:
    made = batch_of([frame.data for frame in part], [frame.at for frame in part], Link.ETHERNET)
    made.wire[:] = np.array([max(frame.wire, len(frame.data)) for frame in part])
    return made
