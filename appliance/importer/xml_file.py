"""XML exports of the Windows event viewer: one `<Event>` or many, in UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from agent.wire.envelope import encode_record
from agent.wire.limits import MAX_RECORD
from appliance.importer.unreadable import unreadable

_PIECE = 1 << 16
_START = re.compile(r"<Event[\s>]")
_END = "</Event>"


def read_xml(path: Path) -> Iterator[bytes]:
    """Yield one record an `<Event>` element; an element without an end, or past the bound, becomes `unreadable`."""
    number = 0
    try:
        for event in _events(path):
            number += 1
            line = encode_record({"event.module": "windows.eventlog", "xml": event})
            if not event.endswith(_END) or len(line) > MAX_RECORD:
                line = unreadable("Zdarzenie w pliku XML jest ucięte albo za długie.", path.name, number, line)
            yield line
    except OSError as error:
        yield unreadable(f"Nie można odczytać pliku XML: {error.strerror}.", path.name, number + 1)
        return
    if number == 0:
        yield unreadable("W pliku XML nie ma zdarzeń systemu Windows.", path.name, 1)


def _events(path: Path) -> Iterator[str]:
    """Yield the text of each element; the last one may lack its end."""
    with path.open("rb") as handle:
        head = handle.read(4)
        handle.seek(0)
        reader = codecs.getreader(_encoding(head))(handle, "replace")
        buffer = ""
        while piece := reader.read(_PIECE):
            buffer += piece
            while (end := buffer.find(_END)) >= 0:
                found = _START.search(buffer, 0, end)
                if found:
                    yield buffer[found.start() : end + len(_END)]
                buffer = buffer[end + len(_END) :]
            if len(buffer) > MAX_RECORD:
                found = _START.search(buffer)
                if found:
                    yield buffer[found.start() :][:MAX_RECORD].removesuffix(_END)
                buffer = buffer[-len(_END) :]
        found = _START.search(buffer)
        if found:
            yield buffer[found.start() :]


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"
