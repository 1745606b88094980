"""Messages out of a stream: those that say their length, and lines. Both are bounded and skip what is longer."""

from __future__ import annotations

from collections.abc import Callable

from collector.protocols.model import Malformed

#: Bytes of a message that are kept; what a message carries beyond is skipped, not read.
KEEP = 16384
#: Bytes of a line that are kept.
LINE = 4096


class Frames:
    """Cuts one side's bytes into messages that begin with a header of `header` bytes.

    `length(data, at)` gives the length of the whole message whose header begins at `at`; it may raise Malformed. A
    message longer than `keep` is given cut to `keep` bytes.
    """

    __slots__ = ("_header", "_held", "_keep", "_length", "_skip")

    def __init__(self, header: int, length: Callable[[bytes, int], int], keep: int = KEEP) -> None:
        self._header, self._length, self._keep = header, length, keep
        self._held, self._skip = b"", 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the messages that are whole with them (or as long as is kept)."""
        if self._skip:
            cut = min(self._skip, len(data))
            self._skip -= cut
            data = data[cut:]
        data, self._held = self._held + data, b""
        found, at, end = [], 0, len(data)
        while end - at >= self._header:
            size = self._length(data, at)
            if size < self._header:
                raise Malformed("message_shorter_than_its_header")
            if end - at < min(size, self._keep):
                break
            found.append(data[at : at + min(size, self._keep)])
            self._skip = max(0, at + size - end)
            at = min(end, at + size)
        self._held = data[at:]
        return found

    def lost(self) -> list[bytes]:
        """Forget the message that was begun; return what there was of it, if its header is whole."""
        held, self._held, self._skip = self._held, b"", 0
        return [held] if len(held) >= self._header else []


class Lines:
    """Cuts one side's bytes into lines, without their ends. A longer line is given cut to LINE bytes."""

    __slots__ = ("_held", "_skip")

    def __init__(self) -> None:
        self._held, self._skip = b"", False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the lines that ended with them."""
        *whole, rest = (self._held + data).split(b"\n")
        if self._skip and whole:
            # The rest of a line whose beginning was given already.
            del whole[0]
            self._skip = False
        if self._skip:
            rest = b""
        elif len(rest) > LINE:
            whole.append(rest)
            rest, self._skip = b"", True
        self._held = rest
        # Nothing after a bare CR belongs to the line: it might be a password that a broken line end has joined to it.
        return [line[:LINE].partition(b"\r")[0] for line in whole]

    def lost(self) -> None:
        """Forget the line that was begun."""
        self._held, self._skip = b"", False


def text(raw: bytes, limit: int = 256) -> str:
    """Return bytes of a protocol as text of at most `limit` characters, without control characters."""
    said = raw[: limit * 4].decode("utf-8", "replace")[:limit]
    return said if said.isprintable() else "".join(char for char in said if char.isprintable())


def utf16(raw: bytes, limit: int = 512) -> str:
    """Return UTF-16LE text of at most `limit` characters, up to its first NUL, without control characters."""
    said = raw[: limit * 2].decode("utf-16-le", "replace").partition("\0")[0]
    return said if said.isprintable() else "".join(char for char in said if char.isprintable())


def mac(raw: bytes) -> str:
    """Return a hardware address as Zeek writes it."""
    return raw.hex(":")
