"""One rendered or EVTX `<Event>` to the flat native fields of Windows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from appliance.normalise.model import Unreadable

MAX_FIELDS = 1000
MAX_XML_DEPTH = 32
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])
_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(#x[0-9A-Fa-f]{1,8};|#[0-9]{1,8};)?")
_SPACE = "\t\n\r "


@dataclass(frozen=True, slots=True)
class NativeFields:
    """System attributes, event data, and the rendered message of one event; all text."""

    system: dict[str, str]
    data: dict[str, str | list[str]]
    message: str | None


def checked(text: str) -> str:
    """Return XML text without what XML 1.0 forbids: control characters, references to them, stray ampersands.

    Raises Unreadable for a document type.
    """
    data = text.encode("utf-8", "surrogatepass")
    if b"<!" in data and (b"<!DOCTYPE" in data or b"<!ENTITY" in data):
        raise Unreadable("Zapis XML zawiera deklarację DOCTYPE. Czujka jej nie przyjmuje.")
    # U+FFFE, U+FFFF and surrogates begin with these bytes.
    if len(data.translate(None, _CONTROLS)) != len(data) or b"\xef" in data or b"\xed" in data:
        text = _FORBIDDEN.sub("", text)
    return _REFERENCE.sub(_mend, text) if "&" in text else text


def parse_slowly(text: str) -> NativeFields:
    """Return the fields of one event of any shape, by a real XML parser; the text is well-formed already."""
    try:
        root = ET.fromstring(text)  # noqa: S314 - no DOCTYPE, so no entities; size is bounded
    except (ET.ParseError, ValueError) as error:
        raise Unreadable("Zapis XML jest uszkodzony.") from error
    if _local(root.tag) != "Event":
        raise Unreadable("Zapis XML nie jest zdarzeniem systemu Windows.")
    return _collect(root)


def _mend(match: re.Match[str]) -> str:
    reference = match.group(1)
    if not reference:
        return "&amp;"
    code = int(reference[2:-1], 16) if reference[1] == "x" else int(reference[1:-1])
    good = code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match.group(0) if good else ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _collect(root: ET.Element) -> NativeFields:
    system: dict[str, str] = {}
    data: dict[str, str | list[str]] = {}
    message = None
    for section in root:
        name = _local(section.tag)
        if name == "System":
            system = _system(section)
        elif name == "RenderingInfo":
            message = next((child.text for child in section if _local(child.tag) == "Message"), None)
        else:
            _section(section, data)
    if "EventID" not in system:
        raise Unreadable("Zdarzenie systemu Windows nie ma numeru (EventID).")
    return NativeFields(system, data, message)


def _system(section: ET.Element) -> dict[str, str]:
    system: dict[str, str] = {}
    for child in section:
        name = _local(child.tag)
        for attribute, value in child.attrib.items():
            system[f"{name}_{_local(attribute)}"] = value
        if child.text and child.text.strip():
            system[name] = child.text.strip()
    return system


def _section(section: ET.Element, data: dict[str, str | list[str]]) -> None:
    """Add the leaves of EventData or UserData under their names; a name that repeats becomes a list."""
    stack = [(child, 1) for child in reversed(section)]
    while stack:
        element, depth = stack.pop()
        if depth > MAX_XML_DEPTH or len(data) > MAX_FIELDS:
            raise Unreadable("Zdarzenie systemu Windows ma za dużo pól albo jest zagnieżdżone za głęboko.")
        if len(element):
            stack.extend((child, depth + 1) for child in reversed(element))
        else:
            _add(data, element.get("Name") or _local(element.tag), element.text or "")


def _add(data: dict[str, str | list[str]], name: str, text: str) -> None:
    existing = data.get(name)
    if existing is None:
        data[name] = text if name != "Data" else [text]
    elif isinstance(existing, list):
        existing.append(text)
    else:
        data[name] = [existing, text]
