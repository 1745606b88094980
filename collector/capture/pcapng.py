"""pcapng files (draft-ietf-opsawg-pcapng): sections of both byte orders, many interfaces, every resolution of time."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collector.arrays import PAD, Bytes, Flags, Ints
from collector.capture.batch import MAX_FRAME, NO_VLAN, Batch
from collector.capture.form import Broken, words

MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_MAX_INTERFACES = 4096
_MAX_BLOCK = 16 << 20
_RESOLUTION, _OFFSET = 9, 14
_BILLION = 1_000_000_000


class _Interface(NamedTuple):
    link: int
    snaplen: int
    ticks: int
    """Units of time in a second."""
    offset: int
    """Seconds that are added to each time."""


def _possible(length: int) -> bool:
    return 12 <= length <= _MAX_BLOCK and length % 4 == 0


class Pcapng:
    """Reads one file, given in pieces."""

    def __init__(self) -> None:
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._last = 0
        self.taken = 0

    def batches(self, piece: bytearray, end: int) -> Iterator[Batch]:
        """Yield the packets of a piece; raises Broken after those before the break."""
        self.taken = 0
        while True:
            packets, another, fault = self._walk(piece, end)
            if packets:
                yield self._batch(np.frombuffer(piece, np.uint8, end + PAD), packets)
            if fault:
                raise Broken(fault)
            if not another:
                return

    def _walk(self, piece: bytearray, end: int) -> tuple[list[tuple[int, int]], bool, str]:
        """Return (kind, offset) of packets up to the next section or the end, and whether a section follows."""
        packets: list[tuple[int, int]] = []
        head = Struct(f"{self._order}II").unpack_from
        while self.taken + 12 <= end:
            at = self.taken
            kind, length = head(piece, at)
            if kind == _SECTION:
                if packets:
                    return packets, True, ""
                if not self._section(bytes(piece[at + 8 : at + 12])):
                    return packets, False, "a section has no byte order"
                head = Struct(f"{self._order}II").unpack_from
                kind, length = head(piece, at)
            if not _possible(length):
                return packets, False, f"a block claims {length} bytes"
            if at + length > end:
                break
            if kind in {_ENHANCED, _PACKET, _SIMPLE}:
                packets.append((kind, at))
            elif kind == _INTERFACE and packets:  # they were made with the interfaces before it
                return packets, True, ""
            elif kind == _INTERFACE and not self._interface(piece, at, length):
                return packets, False, "too many interfaces"
            self.taken = at + length
        return packets, False, ""

    def _section(self, mark: bytes) -> bool:
        self._order = _ORDERS.get(mark, "")
        self._interfaces.clear()
        return bool(self._order)

    def _interface(self, piece: bytearray, at: int, length: int) -> bool:
        """Take the description of an interface; False when there are too many."""
        if length < 20 or len(self._interfaces) >= _MAX_INTERFACES:
            return length < 20
        link, _, snaplen = Struct(f"{self._order}HHI").unpack_from(piece, at + 8)
        ticks, offset = 1_000_000, 0
        place, end = at + 16, at + length - 4
        option = Struct(f"{self._order}HH").unpack_from
        while place + 4 <= end:
            code, size = option(piece, place)
            value = bytes(piece[place + 4 : place + 4 + size])
            if code == _RESOLUTION and value:
                ticks = 1 << min(value[0] & 0x7F, 62) if value[0] & 0x80 else 10 ** min(value[0], 18)
            elif code == _OFFSET and len(value) == 8:
                (offset,) = Struct(f"{self._order}q").unpack(value)
            place += 4 + (size + 3) // 4 * 4
        self._interfaces.append(_Interface(link, snaplen or MAX_FRAME, ticks, max(-(1 << 33), min(offset, 1 << 33))))
        return True

    def _batch(self, data: Bytes, packets: list[tuple[int, int]]) -> Batch:
        word = words(data, self._order)
        kinds, at = (np.array(column, np.int64) for column in zip(*packets, strict=True))
        simple = kinds == _SIMPLE
        length = word[at + 4].astype(np.int64)
        number = np.where(simple, 0, word[at + 8].astype(np.int64))
        if (old := kinds == _PACKET).any():  # 16 bits of the interface, 16 of drops
            number = np.where(old, words(data, self._order, 2)[at + 8].astype(np.int64), number)
        known = self._interfaces or [_Interface(1, MAX_FRAME, 1_000_000, 0)]
        number = np.minimum(number, len(known) - 1)
        link, snaplen = (np.array([row[i] for row in known], np.int64)[number] for i in (0, 1))
        wire = word[at + np.where(simple, 8, 24)].astype(np.int64)
        start = at + np.where(simple, 12, 28)
        caplen = np.where(simple, np.minimum(wire, snaplen), word[at + 20].astype(np.int64))
        caplen = np.minimum(caplen, np.maximum(at + length - 4 - start, 0))
        times = self._times(word, at, simple, number, known)
        return Batch(data, start, caplen, np.maximum(wire, caplen), times, link, np.full(len(at), NO_VLAN, np.int64))

    def _times(
        self,
        word: NDArray[np.uint32],
        at: Ints,
        simple: Flags,
        number: Ints,
        known: list[_Interface],
    ) -> Ints:
        """Return nanoseconds of Unix time; a simple packet has none of its own and gets that of the one before."""
        ticks = (word[at + 12].astype(np.uint64) << np.uint64(32)) | word[at + 16].astype(np.uint64)
        times = np.zeros(len(at), np.int64)
        for place, face in enumerate(known):
            mine = number == place
            seconds, rest = np.divmod(ticks[mine], np.uint64(face.ticks))
            if _BILLION % face.ticks == 0:
                nanos = rest * np.uint64(_BILLION // face.ticks)
            else:
                nanos = (rest.astype(np.float64) * (_BILLION / face.ticks)).astype(np.uint64)
            times[mine] = (np.minimum(seconds, np.uint64(1 << 33)).astype(np.int64) + face.offset) * _BILLION
            times[mine] += nanos.astype(np.int64)
        if simple.any():
            before = np.where(simple, -1, np.arange(len(at)))
            before = np.maximum.accumulate(before)
            times = np.where(before >= 0, times[np.maximum(before, 0)], self._last)
        self._last = int(times[-1])
        return times
