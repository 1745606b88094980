"""Classic pcap files (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import numpy as np

from collector.arrays import PAD, Bytes, Ints
from collector.capture.batch import MAX_FRAME, NO_VLAN, Batch, filled
from collector.capture.form import Broken, Unknown

_KINDS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}
"""First bytes of a file → byte order, nanoseconds of the smaller unit of time, bytes of a record's header.

The longer one is Kuznetsov's: behind the four words of all others it tells of the card.
"""
HEADER = 24
"""Bytes of a file's header."""
_WORDS = 16
"""Bytes of a record's header that are read."""
_BILLION = 1_000_000_000


class Pcap:
    """Reads one file, given in pieces."""

    def __init__(self, beginning: bytes) -> None:
        """Read the file's header; raises Unknown."""
        kind = _KINDS.get(beginning[:4])
        if kind is None or len(beginning) < HEADER:
            raise Unknown("neither pcap nor pcapng")
        self._order, self._unit, self._head = kind
        # The upper bits of the field tell of the frame check sequence.
        self._link = Struct(f"{self._order}I").unpack_from(beginning, 20)[0] & 0xFFFF
        self._skip = HEADER
        self.taken = 0

    def batches(self, piece: bytearray, end: int) -> Iterator[Batch]:
        """Yield the whole records of a piece; raises Broken after those before the break."""
        places, self._skip = self._walk(piece, self._skip, end), 0
        data = np.frombuffer(piece, np.uint8, end + PAD)
        heads = _heads(data, self._order, places)
        long = np.flatnonzero((heads[:, 2] > MAX_FRAME) & (places <= end - self._head))
        whole = int(long[0]) if len(long) else len(places) - 1
        self.taken = int(places[whole])
        if whole:
            yield self._batch(data, places[:whole], heads[:whole])
        if len(long):
            raise Broken(f"a packet claims {heads[whole, 2]} bytes")

    def _walk(self, piece: bytearray, at: int, end: int) -> Ints:
        """Return where records begin, as their lengths say; the last is one that is not whole."""
        length_at = Struct(f"{self._order}I").unpack_from
        places: list[int] = []
        add, last = places.append, end - self._head
        while at <= last:
            add(at)
            at += length_at(piece, at + 8)[0] + self._head
        if at <= end:
            add(at)
        return np.array(places, np.int64)

    def _batch(self, data: Bytes, places: Ints, heads: Ints) -> Batch:
        seconds, parts, caplen, wire = heads.T
        return Batch(
            data,
            places + self._head,
            caplen,
            np.maximum(wire, caplen),
            seconds * _BILLION + parts * self._unit,
            filled(places, self._link),
            filled(places, NO_VLAN),
        )


def _heads(data: Bytes, order: str, places: Ints) -> Ints:
    """Return the four words of each record's header."""
    found = np.ndarray((len(data) - _WORDS + 1,), np.dtype("V16"), buffer=data, strides=(1,))[places]
    return found.view(f"{order}u4").reshape(-1, 4).astype(np.int64)
