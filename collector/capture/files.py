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
    """The frames of one file or pipe, once. After them, `broken` says why it could not be read to its end, if so.

    Each batch lives in a buffer that is filled anew when the next one is asked for.
    """

    stream: BufferedIOBase
    broken: str = field(default="", init=False)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; raises Unknown, and OSError of the stream."""
        buffer = bytearray(PIECE + PAD)
        end = self._beginning(buffer)
        form: Format = Pcapng() if buffer.startswith(MAGIC) else Pcap(bytes(buffer[: min(end, HEADER)]))
        try:
            while True:
                buffer[end : end + PAD] = bytes(PAD)
                yield from form.batches(buffer, end)
                buffer, rest = _moved(buffer, form.taken, end)
                end = rest + self._more(buffer, rest)
                if end == rest:
                    break
        except Broken as broken:
            self.broken = str(broken)
            return
        if rest:
            self.broken = f"the file ends within a packet ({rest} bytes are left)"

    def _more(self, buffer: bytearray, place: int) -> int:
        with memoryview(buffer)[place : len(buffer) - PAD] as room:
            return self.stream.readinto1(room)

    def _beginning(self, buffer: bytearray) -> int:
        """Read the first bytes, enough to tell the format; a pipe gives what it has."""
        end = 0
        while end < HEADER and (more := self._more(buffer, end)):
            end += more
        return end


def _moved(buffer: bytearray, taken: int, end: int) -> tuple[bytearray, int]:
    """Return a buffer that begins with what is left, and how much that is; a longer one when there is no room."""
    rest = end - taken
    if rest > (len(buffer) - PAD) // 2:
        wider = bytearray(2 * len(buffer))
        wider[:rest] = buffer[taken:end]
        return wider, rest
    buffer[:rest] = buffer[taken:end]
    return buffer, rest
