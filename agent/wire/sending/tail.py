"""Follows one log file: whole lines only, bounded, through rotation, truncation and restarts; losses are told."""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import NamedTuple

HEAD = 256
"""Bytes at a file's start that recognise it."""
MAX_LINE = 16 * 1024
"""Bytes of a line that are kept, unless more are asked for."""
LONGEST = 1 << 18
"""Bytes of a line that may be asked for; of a longer one nothing is kept."""
_CHUNK = LONGEST


TRUNCATED, AWAY, TOO_LONG = "log_truncated", "log_rotated_away", "entry_too_long"
"""Losses: the file was cut; what the mark means is gone; a line was longer than LONGEST."""


class Mark(NamedTuple):
    """How far a file was read, and how to recognise the file."""

    device: int
    inode: int
    offset: int
    head_length: int
    head: str

    def encode(self) -> str:
        """Return the bookmark's text."""
        return json.dumps(self._asdict(), separators=(",", ":"))


class TailLine(NamedTuple):
    """One line without its newline, cut at the bytes asked for, with where it began and where the next begins."""

    data: bytes
    device: int
    inode: int
    start: int
    end: int


def decode_mark(text: str) -> Mark | None:
    """Read a bookmark; None when it is damaged."""
    try:
        value = json.loads(text)
        device, inode, offset, length = (int(value[name]) for name in ("device", "inode", "offset", "head_length"))
        mark = Mark(device, inode, offset, length, str(value["head"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return mark if mark.offset >= 0 and 0 <= mark.head_length <= HEAD else None


class Tail:
    """One path, followed. Reads never block; the descriptor of a rotated file is read to its end first.

    A file that was copied to NAME.1 and cut (`copytruncate`) is read to its end in the copy.
    """

    def __init__(self, path: Path, mark: Mark | None, *, from_start: bool = False, longest: int = MAX_LINE) -> None:
        """Go on at `mark`; without one, at the file's present end (`from_start`: its beginning)."""
        self.path = path
        self._longest = longest
        self._losses: list[str] = []
        self._head = b""
        self._file: FileIO | None = None
        self._offset = 0
        self._identity = (0, 0)
        self._skipping = 0
        if mark is not None:
            self._resume(mark)
        elif self._open(path) and not from_start:
            self._offset = self._size()
            self._to_line_start()
            self._learn_head()

    @property
    def position(self) -> int:
        """Where the next read begins."""
        return self._offset

    def losses(self) -> list[str]:
        """Return what was lost since the last asking, by cause: one for each line, of a file once."""
        found, self._losses = self._losses, []
        return found

    def mark(self, offset: int) -> Mark:
        """Return the bookmark for having read up to `offset`."""
        data = os.pread(self._file.fileno(), min(HEAD, offset), 0) if self._file is not None else b""
        return Mark(*self._identity, offset, len(data), _digest(data))

    def read(self, limit: int = 1000) -> list[TailLine]:
        """Return the next whole lines, at most `limit`; raises OSError when the file cannot be read."""
        if self._file is None and not self._open(self.path):
            return []
        if self._was_cut():
            self._follow_copy()
        before = self._offset
        while not (lines := self._lines(limit)) and self._offset != before:
            before = self._offset
        if lines or not self._moved_on():
            return lines
        self.close()
        return self._lines(limit) if self._open(self.path) else []

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _resume(self, mark: Mark) -> None:
        if self._open_if(self.path, mark) or self._open_if(self._rotated, mark, copied=True):
            self._offset = mark.offset
            self._learn_head()
            return
        self._losses.append(AWAY)
        self._open(self.path)

    @property
    def _rotated(self) -> Path:
        return self.path.with_name(self.path.name + ".1")

    def _open_if(self, path: Path, mark: Mark, *, copied: bool = False) -> bool:
        """Open the file that a mark means, else none; `copied`: or a copy of it, which its beginning shows."""
        if not self._open(path):
            return False
        known = self._identity == (mark.device, mark.inode) or (copied and mark.head_length > 0)
        if known and self._size() >= mark.offset and _digest(self._beginning(mark.head_length)) == mark.head:
            return True
        self.close()
        return False

    def _follow_copy(self) -> None:
        """Go on in the copy of a file that was cut; without one, at the beginning of what is there now."""
        mark = Mark(*self._identity, self._offset, len(self._head), _digest(self._head))
        self.close()
        if self._open_if(self._rotated, mark, copied=True):
            self._offset = mark.offset
            self._learn_head()
            return
        self._losses.append(TRUNCATED)
        self._open(self.path)

    def _was_cut(self) -> bool:
        return self._size() < self._offset or self._beginning(len(self._head)) != self._head

    def _beginning(self, length: int) -> bytes:
        assert self._file is not None
        return os.pread(self._file.fileno(), length, 0) if length else b""

    def _learn_head(self) -> None:
        """Remember the beginning of what was read, by which another content is told."""
        if len(self._head) < min(HEAD, self._offset):
            self._head = self._beginning(min(HEAD, self._offset))

    def _open(self, path: Path) -> bool:
        try:
            file = path.open("rb", buffering=0)
        except FileNotFoundError:
            return False
        status = os.fstat(file.fileno())
        self._file = file
        self._identity, self._offset, self._skipping = (status.st_dev, status.st_ino), 0, 0
        self._head = b""
        return True

    def _size(self) -> int:
        assert self._file is not None
        return os.fstat(self._file.fileno()).st_size

    def _to_line_start(self) -> None:
        """A file that ends in the middle of a line is taken up from that line's beginning."""
        assert self._file is not None
        begin = max(0, self._offset - self._longest)
        tail = os.pread(self._file.fileno(), self._offset - begin, begin)
        self._offset = begin + tail.rfind(b"\n") + 1 if b"\n" in tail else (0 if begin == 0 else self._offset)

    def _moved_on(self) -> bool:
        """Say whether the path now is another file."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) != self._identity

    def _lines(self, limit: int) -> list[TailLine]:
        assert self._file is not None
        data = os.pread(self._file.fileno(), _CHUNK, self._offset)
        lines: list[TailLine] = []
        begin = 0
        while len(lines) < limit:
            end = data.find(b"\n", begin)
            if end < 0:
                self._overlong(data, begin)
                break
            start = self._offset + begin - self._skipping
            if self._skipping:
                self._losses.append(TOO_LONG)
            else:
                lines.append(
                    TailLine(
                        data[begin : min(end, begin + self._longest)], *self._identity, start, self._offset + end + 1
                    )
                )
            self._skipping = 0
            begin = end + 1
        self._offset += begin
        self._learn_head()
        return lines

    def _overlong(self, data: bytes, begin: int) -> None:
        """Walk over a line that is longer than a whole chunk, without keeping it."""
        if begin == 0 and len(data) == _CHUNK:
            self._skipping += len(data)
            self._offset += len(data)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
