"""Capture files and standard input: told apart by their first bytes, read in pieces, up to where they break off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase

from collector.arrays import PAD
from collector.capture.batch import Batch
from collector.capture.form import Broken, Format
from collector.capture.pcap import HEADER, Pcap
from collector.capture.pcapng import MAGIC, Pcapng

PIECE = 4 << 20
"""Bytes that are read at once; a frame is far shorter."""


@dataclass(slots=True)
class CaptureFile:
    """The frames of one file or pipe, once. After them, `broken` says why it could not be read to its end, if so."""

    stream: BufferedIOBase
    broken: str = field(default="", init=False)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; raises Unknown, and OSError of the stream."""
        piece = self._beginning()
        form: Format = Pcapng() if piece.startswith(MAGIC) else Pcap(piece)
        try:
            while True:
                yield from form.batches(piece + bytes(PAD))
                rest = piece[form.taken :]
                more = self.stream.read1(PIECE)
                if not more:
                    break
                piece = rest + more
        except Broken as broken:
            self.broken = str(broken)
            return
        if rest:
            self.broken = f"the file ends within a packet ({len(rest)} bytes are left)"

    def _beginning(self) -> bytes:
        """Return the first bytes, enough to tell the format; a pipe gives what it has."""
        piece = b""
        while len(piece) < HEADER and (more := self.stream.read1(PIECE)):
            piece += more
        return piece
