"""Bodies of HTTP/1 messages: where they end, how long they are, what their first bytes give away; none is kept."""

from __future__ import annotations

from collector.protocols.model import Malformed

_MAX_CHUNK_LINE = 256
#: What a file is by its first bytes, under the names that Zeek gives.
_MAGIC = (
    (b"MZ", "application/x-dosexec"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-o-executable"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07", "application/x-rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"%PDF-", "application/pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"MSCF\x00\x00\x00\x00", "application/vnd.ms-cab-compressed"),
)


_BEGINNINGS = frozenset(magic[:2] for magic, _ in _MAGIC)


def kind(first: bytes) -> str | None:
    """Return the type that the first bytes of a body show; None where they show none of those that matter."""
    if first[:2] not in _BEGINNINGS:
        return None
    return next((name for magic, name in _MAGIC if first.startswith(magic)), None)


class Body:
    """One body that is passed over. `size` is what is known of its length, `over` whether it has ended."""

    def __init__(self, length: int | None, *, chunked: bool, until_close: bool) -> None:
        self.size = 0
        self._left = 0 if chunked else length or 0
        self._chunked, self._until_close = chunked, until_close and not chunked and length is None
        self._line = b""
        self._last = False
        self.over = not chunked and not self._until_close and not self._left
        if not chunked and length:
            self.size = length

    @property
    def told(self) -> bool:
        """Whether the head told the length."""
        return not self._chunked and not self._until_close

    def pass_over(self, data: bytes, at: int) -> int:
        """Go over the body's bytes from a place on, and return the place after them. Raises Malformed."""
        if self._until_close:
            self.size += len(data) - at
            return len(data)
        if not self._chunked:
            step = min(self._left, len(data) - at)
            self._left -= step
            self.over = not self._left
            return at + step
        while at < len(data) and not self.over:
            at = self._pass_chunk(data, at)
        return at

    def _pass_chunk(self, data: bytes, at: int) -> int:
        if self._left:
            step = min(self._left, len(data) - at)
            self._left -= step
            return at + step
        end = data.find(b"\n", at)
        self._line += data[at : end + 1 if end >= 0 else len(data)]
        if len(self._line) > _MAX_CHUNK_LINE:
            raise Malformed("HTTP_chunked_line_too_long")
        if end >= 0:
            line, self._line = self._line.strip(), b""
            self._end_line(line)
            return end + 1
        return len(data)

    def _end_line(self, line: bytes) -> None:
        """Take a line between chunks: a length, the end of a chunk, or what comes after the last (RFC 9112, 7.1)."""
        if self._last:
            self.over = not line
        elif line:
            digits = line.partition(b";")[0].strip()
            if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
                raise Malformed("HTTP_chunked_bad_length")
            self._left = int(digits, 16)
            self.size += self._left
            self._last = not self._left
