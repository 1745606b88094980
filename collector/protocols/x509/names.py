"""Distinguished names as text (RFC 4514), the most specific part first, and the strings they are made of."""

from __future__ import annotations

from collector.protocols.ber import OID, head, items
from collector.protocols.model import Malformed
from collector.protocols.x509.oids import ATTRIBUTES, decode

MAX_TEXT = 1024
"""Characters of one string that are kept."""
_SPECIAL = frozenset(',+"\\<>;')
#: String types whose characters are not one byte each: UniversalString, BMPString; UTF8String.
_ENCODINGS = {0x1C: "utf-32-be", 0x1E: "utf-16-be", 0x0C: "utf-8"}


def text(tag: int, contents: bytes) -> str:
    """Return a string of ASN.1; bytes that are none and control characters are escaped."""
    contents = contents[: MAX_TEXT * 4]
    try:
        found = contents.decode(_ENCODINGS.get(tag, "ascii"))
    except UnicodeDecodeError:
        found = contents.decode("latin-1")
    found = found[:MAX_TEXT]
    return found if found.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in found)


def distinguished_name(data: bytes, start: int, end: int) -> str:
    """Return the text of the RDNSequence whose contents lie between two places. Raises Malformed, IndexError."""
    parts = [
        "+".join(_attribute(data, *pair) for _, *pair in items(data, begin, stop))
        for _, begin, stop in items(data, start, end)
    ]
    return ",".join(reversed(parts))


def common_name(name: str) -> str:
    """Return the first CN of a name as text; empty when there is none."""
    return next((part[3:] for part in name.split(",") if part.startswith("CN=")), "")


def _attribute(data: bytes, start: int, end: int) -> str:
    tag, begin, stop = head(data, start, end)
    if tag != OID:
        raise Malformed("x509_name")
    kind = data[begin:stop]
    tag, begin, stop = head(data, stop, end)
    value = text(tag, data[begin:stop])
    return f"{ATTRIBUTES.get(kind) or decode(kind)}={_escaped(value)}"


def _escaped(value: str) -> str:
    if not _SPECIAL.isdisjoint(value):
        value = "".join(f"\\{c}" if c in _SPECIAL else c for c in value)
    if value[:1] in (" ", "#"):
        value = "\\" + value
    return value[:-1] + "\\ " if value[-1:] == " " and len(value) > 1 else value
