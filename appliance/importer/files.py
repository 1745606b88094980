"""Which files, and which reader reads each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from appliance.importer.capture_file import MAGICS, Ring, read_capture
from appliance.importer.evtx_file import read_evtx
from appliance.importer.ndjson_file import read_ndjson
from appliance.importer.xml_file import read_xml

READERS: Mapping[str, Callable[[Path], Iterator[bytes]]] = MappingProxyType(
    {
        ".evtx": read_evtx,
        ".xml": read_xml,
        ".json": read_ndjson,
        ".jsonl": read_ndjson,
        ".ndjson": read_ndjson,
        ".pcap": read_capture,
        ".pcapng": read_capture,
        ".cap": read_capture,
        ".json.gz": read_ndjson,
        ".jsonl.gz": read_ndjson,
        ".ndjson.gz": read_ndjson,
    }
)
"""End of a file's name, in lower case, to its reader."""


def find(path: Path) -> list[Path]:
    """Return the file itself, or the files below a folder that have a reader, sorted. Links out are not followed."""
    if not path.is_dir():
        return [path]
    return sorted(item for item in path.rglob("*") if _suffix(item) and item.is_file())


def records(path: Path, ring: Ring | None = None) -> Iterator[bytes]:
    """Yield the encoded wire records of a file or of all files below a folder.

    Nothing vanishes: a piece that cannot be read is one record of module `unreadable`. Memory is bounded by one record
    (by MAX_DOCUMENT for a file that is one JSON document). A file that a person names is read whatever its name, as
    JSON lines when the name says nothing. `ring` is where the heads of flows of captures are kept.
    """
    for item in find(path):
        reader = READERS.get(_suffix(item) or "") or _by_content(item)
        yield from read_capture(item, ring) if reader is read_capture else reader(item)


def _suffix(path: Path) -> str | None:
    name = path.name.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), None)


def _by_content(path: Path) -> Callable[[Path], Iterator[bytes]]:
    try:
        with path.open("rb") as handle:
            head = handle.read(8)
    except OSError:
        head = b""
    if head[:4] in MAGICS:
        return read_capture
    return read_evtx if head == b"ElfFile\0" else read_ndjson
