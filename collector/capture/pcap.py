"""Classic pcap files (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import numpy as np

from collector.arrays import PAD, Ints
from collector.capture.batch import MAX_FRAME, NO_VLAN, Batch, filled
from collector.capture.form import Broken, Unknown, words

_KINDS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
HEADER = 24
"""Bytes of a file's header."""
_RECORD = 16
_BILLION = 1_000_000_000


class Pcap:
    """Reads one file, given in pieces."""

    def __init__(self, beginning: bytes) -> None:
        """Read the file's header; raises Unknown."""
        kind = _KINDS.get(beginning[:4])
        if kind is None or len(beginning) < HEADER:
            raise Unknown("neither pcap nor pcapng")
        self._order, self._unit = kind
        # The upper bits of the field tell of the frame check sequence.
        self._link = Struct(f"{self._order}I").unpack_from(beginning, 20)[0] & 0xFFFF
        self._skip = HEADER
        self.taken = 0

    def batches(self, piece: bytes) -> Iterator[Batch]:
        """Yield the whole records of a piece; raises Broken after those before the break."""
        records, at, fault = self._walk(piece, self._skip)
        self._skip = 0
        self.taken = at
        if records:
            yield self._batch(piece, np.array(records, np.int64))
        if fault:
            raise Broken(fault)

    def _walk(self, piece: bytes, at: int) -> tuple[list[int], int, str]:
        length_at = Struct(f"{self._order}I").unpack_from
        end = len(piece) - PAD
        records: list[int] = []
        while at + _RECORD <= end:
            (length,) = length_at(piece, at + 8)
            if length > MAX_FRAME:
                return records, at, f"a packet claims {length} bytes"
            after = at + _RECORD + length
            if after > end:
                break
            records.append(at)
            at = after
        return records, at, ""

    def _batch(self, piece: bytes, records: Ints) -> Batch:
        data = np.frombuffer(piece, np.uint8)
        word = words(data, self._order)
        seconds, parts, caplen, wire = (word[records + place].astype(np.int64) for place in (0, 4, 8, 12))
        return Batch(
            data,
            records + _RECORD,
            caplen,
            np.maximum(wire, caplen),
            seconds * _BILLION + parts * self._unit,
            filled(records, self._link),
            filled(records, NO_VLAN),
        )
