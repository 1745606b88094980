"""JSON files: one object a line, or one document (an object, several, or an array of them)."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from agent.wire.limits import MAX_RECORD
from appliance.importer.unreadable import unreadable
from appliance.normalise.decode import decode
from appliance.normalise.model import Unreadable

MAX_DOCUMENT = 64 << 20
"""Bytes of a file that is read as one JSON document."""
MAX_RATIO = 200
"""Bytes that one byte of a gzip file may give; real logs give 10 to 50, a bomb a thousand."""
RATIO_FREE = 4 << 20
"""Bytes that a gzip file may give before its ratio counts."""
_SIP = 8192
_BETWEEN = re.compile(r"[\s,]*")
#: How an array of objects begins; `[2026-…] text` is a line of a log.
_ARRAY = re.compile(rb"\[\s*(?:[{\]]|$)")
_BOM = b"\xef\xbb\xbf"


def read_ndjson(path: Path) -> Iterator[bytes]:
    """Yield each object as it stands; what is none becomes an `unreadable` record with its line."""
    number = 0
    try:
        if _is_document(path):
            yield from _document(path)
            return
        with _open(path) as handle:
            for number, line in _lines(handle):
                yield _checked(line, path.name, number)
    except (OSError, EOFError, zlib.error) as error:
        yield unreadable(f"Pliku nie da się czytać dalej: {_why(error)}.", path.name, number + 1)


class Bomb(OSError):
    """A gzip file gives more than any log does."""


class _Sips(io.FileIO):
    """A file that is read a little at a time, so that its position says how much of it was used."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_SIP if size is None or size < 0 else min(size, _SIP))


class _Inflated(io.RawIOBase):
    """The content of a gzip file, as far as it grows like that of a log."""

    def __init__(self, path: Path) -> None:
        self._file = _Sips(path)
        self._content = gzip.GzipFile(fileobj=self._file)
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._content.readinto(buffer)
        self._given += count
        if self._given > RATIO_FREE and self._given > MAX_RATIO * self._file.tell():
            raise Bomb
        return count

    def close(self) -> None:
        self._content.close()
        self._file.close()
        super().close()


def _open(path: Path) -> IO[bytes]:
    return io.BufferedReader(_Inflated(path), 1 << 16) if path.suffix.lower() == ".gz" else path.open("rb")


def _why(error: Exception) -> str:
    if isinstance(error, Bomb):
        return f"rozpakowuje się ponad {MAX_RATIO} razy, jak bomba dekompresyjna"
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return "dane gzip są uszkodzone"
    if isinstance(error, EOFError):
        return "plik gzip jest ucięty"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _lines(handle: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line); a line past the bound comes as its first MAX_RECORD + 1 bytes."""
    number = 0
    while line := handle.readline(MAX_RECORD + 2):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > MAX_RECORD and not line.endswith(b"\n"):
            while (rest := handle.readline(MAX_RECORD)) and not rest.endswith(b"\n"):
                pass
        if line.strip():
            yield number, line.strip()


def _checked(line: bytes, file: str, number: int) -> bytes:
    if len(line) > MAX_RECORD:
        return unreadable(f"Wiersz jest dłuższy niż {MAX_RECORD} bajtów.", file, number, line)
    try:
        decode(line)
    except Unreadable as error:
        return unreadable(error.reason, file, number, line)
    return line


def _is_document(path: Path) -> bool:
    """Tell whether a file is one JSON document over several lines rather than an object a line."""
    with _open(path) as handle:
        for _, line in _lines(handle):
            if _ARRAY.match(line):
                return True
            try:
                decode(line)
            except Unreadable:
                return line in (b"{", b"{}") or (line.startswith(b"{") and line.endswith((b",", b"{", b"[")))
            return False
    return False


def _document(path: Path) -> Iterator[bytes]:
    with _open(path) as handle:
        data = handle.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        yield unreadable(f"Dokument JSON jest dłuższy niż {MAX_DOCUMENT} bajtów.", path.name, 1, data)
        return
    text = data.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    start = _past(text, 0)
    array = text.startswith("[", start)
    position = start + 1 if array else start
    while True:
        position = _past(text, position)
        if position >= len(text) or (array and text[position] == "]"):
            return
        line_number = text.count("\n", 0, position) + 1
        try:
            _, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            rest = text[position : position + MAX_RECORD].encode("utf-8", "surrogateescape")
            yield unreadable("Dokument JSON jest od tego miejsca uszkodzony.", path.name, line_number, rest)
            return
        piece = text[position:end].encode("utf-8", "surrogateescape")
        yield _checked(b" ".join(piece.split(b"\n")).replace(b"\r", b" "), path.name, line_number)
        position = end


def _past(text: str, position: int) -> int:
    """Return where the blanks and commas from a position on end."""
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


_DECODER = json.JSONDecoder()
