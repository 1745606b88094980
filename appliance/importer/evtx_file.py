"""EVTX files, record by record. What the file promises and does not give is said.

Layout: MS-EVEN6 / libevtx: a header of 4096 bytes, then chunks of 65,536 bytes that begin with "ElfChnk\\0".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evtx import PyEvtxParser

from agent.wire.envelope import encode_record
from agent.wire.limits import MAX_RECORD
from appliance.importer.unreadable import unreadable

HEADER, CHUNK = 4096, 65536
_BLANK = bytes(CHUNK)


def read_evtx(path: Path) -> Iterator[bytes]:
    """Yield one record an event; each piece that cannot be read becomes one `unreadable` record."""
    number = 0
    try:
        if fault := _no_log(_start(path)):
            yield unreadable(fault, path.name, 1, _start(path))
            return
        for number, line in enumerate(_records(path), 1):  # noqa: B007 - the number is used below
            yield line
        for reason, chunk in damage(path):
            number += 1
            yield unreadable(reason, path.name, chunk)
    except OSError as error:
        yield unreadable(f"Nie można odczytać pliku EVTX: {error.strerror or _short(error)}.", path.name, number + 1)


def _records(path: Path) -> Iterator[bytes]:
    try:
        iterator = iter(PyEvtxParser(str(path), number_of_threads=1).records())
    except (OSError, RuntimeError) as error:
        yield unreadable(f"To nie jest czytelny plik EVTX: {_short(error)}", path.name, 1, _start(path))
        return
    number = 0
    while True:
        number += 1
        try:
            item = next(iterator)
        except StopIteration:
            return
        except (OSError, RuntimeError) as error:
            yield unreadable(f"Uszkodzony zapis w pliku EVTX: {_short(error)}", path.name, number)
            continue
        text = str(item["data"]) if item else ""
        line = encode_record({"event.module": "windows.eventlog", "xml": text})
        if len(line) > MAX_RECORD:
            line = unreadable(f"Zapis jest dłuższy niż {MAX_RECORD} bajtów.", path.name, number, line)
        yield line


def damage(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (reason, chunk number) for chunks that the header counts and the file lacks or holds as zeros."""
    with path.open("rb") as handle:
        header = handle.read(HEADER)
        if not header.startswith(b"ElfFile\0") or len(header) < HEADER:
            return
        count = int.from_bytes(header[42:44], "little")
        for number in range(1, count + 1):
            chunk = handle.read(CHUNK)
            if len(chunk) < CHUNK:
                yield f"Plik EVTX jest ucięty: brakuje fragmentów od {number} do {count}.", number
                return
            if chunk == _BLANK:
                yield f"Fragment {number} pliku EVTX jest wyzerowany.", number


def _start(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(HEADER)


def _no_log(start: bytes) -> str | None:
    """Say why a file with this beginning is no EVTX file."""
    if not start:
        return "Plik EVTX jest pusty."
    if not start.startswith(b"ElfFile\0"):
        return "To nie jest plik EVTX: nie ma jego nagłówka."
    return "Plik EVTX jest ucięty w nagłówku." if len(start) < HEADER else None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
