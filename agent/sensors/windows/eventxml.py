"""One event as Windows renders it (XML) to a flat record: the names of Windows, secrets hidden. Pure and bounded.

What does not lie flat (a field that has the name of a System attribute, too many fields) is sent as XML, in which
the box reads the same; the agent then hides secrets in each of its texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple, cast
from xml.parsers.expat import ExpatError, ParserCreate

from agent.redact import redact_text
from agent.redact.markup import plain
from agent.redact.names import MARK, is_secret
from agent.sensors.windows.eventnames import HARMLESS, SYSTEM, TAKEN
from agent.sensors.windows.templates import END, HEAD, MIDDLE, Forms, attributes
from agent.wire.event import MODULE, Record

SOURCE = "windows.eventlog"
"""The value of `event.module` by which the box knows these records."""
MAX_FIELDS = 1000
MAX_DEPTH = 32
_SHORTEST = 6
_REGISTRY = {"Details": "TargetObject", "NewValue": "ObjectValueName", "OldValue": "ObjectValueName"}
"""Data of the registry to the data that name it (Sysmon 13, Security 4657)."""
_ELEMENT = re.compile(r"<([A-Za-z]+)((?: [A-Za-z]+=(?:'[^'<\n\t]*'|\"[^\"<\n\t]*\"))*) ?(?:/>|>([^<]*)</\1>)")
_ATTRIBUTE = re.compile(r" ([A-Za-z]+)=(?:'([^']*)'|\"([^\"]*)\")")
_DATA = re.compile(r"<Data Name=(?:'([^'<\n\t]+)'|\"([^\"<\n\t]+)\")(?:/>|>([^<]*)</Data>)")
_TEXT = re.compile(r"(?<=>)[^<]+(?=<)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_CONTROL = bytes({*range(0x20)} - {9, 10, 13})
_FORMS = Forms()
_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(#x[0-9A-Fa-f]{1,8};|#[0-9]{1,8};)?")


class NoEvent(ValueError):
    """The text is no event."""


class Found(NamedTuple):
    """What an event holds: System attributes, its data, the rendered message.

    `crowded` when not all data is there.
    """

    system: Mapping[str, str]
    data: Mapping[str, str | list[str]]
    message: str = ""
    crowded: bool = False


def scan(text: str) -> Found | None:
    """Return what an event of the usual shape holds, quickly; None for every other, which the parser reads.

    The usual shape is what Windows renders: System, then EventData of named values, each name once, nothing between.
    """
    start, end = text.find("<System>"), text.find(MIDDLE)
    if end < start or start < 0 or not text.endswith(END) or "\r" in text or "<!" in text[:start]:
        return None
    if "&#" in text:
        return None
    system, values = _system(text[start + 8 : end]), _values(text[end + len(MIDDLE) : -len(END)])
    if system is None or values is None or len(values) > MAX_FIELDS or "Data" in values:
        return None
    _FORMS.learn(text, values)
    if "&" in text:
        return Found({n: plain(v) for n, v in system.items()}, {plain(n): plain(v) for n, v in values.items()})
    return Found(system, values)


def _values(body: str) -> dict[str, str] | None:
    """Return the named values of EventData; None when there is anything else, or a name twice."""
    rows = _DATA.findall(body)
    values = {one or other: value for one, other, value in rows}
    if body.count("<") != len(rows) + body.count("</Data>") or len(values) != len(rows) or "]]>" in body:
        return None
    return values


def _system(head: str) -> dict[str, str] | None:
    """Return the attributes of the elements of System; None when there is anything else."""
    usual = HEAD.fullmatch(head)
    if usual is not None:
        return attributes(usual)
    system, marks = _system_by_element(head)
    return system if marks == head.count("<") else None


def _system_by_element(head: str) -> tuple[dict[str, str], int]:
    """Return the attributes and how many tags were read."""
    system: dict[str, str] = {}
    marks = 0
    for element in _ELEMENT.finditer(head):
        name, attributes, value = element.groups()
        marks += 1 if value is None else 2
        for attribute, one, other in _ATTRIBUTE.findall(attributes) if attributes else ():
            full = f"{name}_{attribute}"
            if full in SYSTEM and (one or other):
                system[full] = one or other
        if value and name in SYSTEM and (value := value.strip()):
            system[name] = value
    return system, marks


def mended(text: str) -> str:
    """Return XML without what XML 1.0 forbids and Windows writes: control characters, surrogates, bad references.

    Ends of lines are made one, as every reader of XML does first.
    """
    if not _is_clean(text):
        text = _FORBIDDEN.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _REFERENCE.sub(_mend, text) if "&" in text else text


def _is_clean(text: str) -> bool:
    """Say, quickly, whether a text surely has no forbidden character."""
    if text.isascii():
        raw = text.encode()
        return len(raw.translate(None, _CONTROL)) == len(raw)
    return text.isprintable()


def record_of(text: str) -> Record:
    """Return the record of one rendered event. Raises NoEvent; never anything else."""
    text = mended(text)
    known = record_of_known(text)
    if known is not None:
        return known
    found = scan(text) or _parsed(text)
    if "EventID" not in found.system:
        raise NoEvent("no EventID")
    return _flat(found, text, redact_text)


def data_of(text: str) -> Mapping[str, str | list[str]]:
    """Return the data of an event that `record_of` has read, as they are. Raises NoEvent."""
    text = mended(text)
    return (scan(text) or _parsed(text)).data


def record_of_known(text: str, hide: Callable[[str], str] = redact_text) -> Record | None:
    """Return the record of an event of a form that was met before, most quickly; None for every other."""
    escaped = "&" in text
    known = None if escaped and "&#" in text else _FORMS.read(text)
    if known is None:
        return None
    form, values = known
    if escaped:
        values = {name: plain(value) for name, value in values.items()}
    record = cast("Record", values)
    record[MODULE] = SOURCE
    _hide_registry(record, values)  # before names of values are searched themselves
    for name in form.suspects:
        if len(values[name]) >= _SHORTEST:
            record[name] = hide(values[name])
    return record


def _flat(found: Found, text: str, hide: Callable[[str], str]) -> Record:
    if found.crowded or not TAKEN.isdisjoint(found.data):
        # Each text by itself: what ends a secret in a line is no tag.
        return {MODULE: SOURCE, "xml": _TEXT.sub(lambda found: hide(found[0]), text)}
    record: Record = {MODULE: SOURCE, **found.system}
    record.update(cast("Record", found.data))
    _clean(record, found.data, hide)
    if found.message:
        record["message"] = hide(found.message)
    return record


def _parsed(text: str) -> Found:
    """Return what an event of any shape holds. Raises NoEvent."""
    if "<!DOCTYPE" in text:
        raise NoEvent("a document type")
    reading = _Reading()
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text.append
    try:
        parser.Parse(text, True)
    except ExpatError as error:
        raise NoEvent(str(error)) from error
    return Found(reading.system, reading.data, reading.message, crowded=reading.crowded)


class _Reading:
    """What the parser has met so far; its methods are the parser's handlers."""

    def __init__(self) -> None:
        self.system: dict[str, str] = {}
        self.data: dict[str, str | list[str]] = {}
        self.message = ""
        self.crowded = False
        self.text: list[str] = []
        self._depth = self._leaf = 0
        self._section = self._name = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        depth = self._depth
        if depth > MAX_DEPTH + 2:
            self.crowded = True
        elif depth >= 3:
            self._leaf = depth
            name = _local(tag)
            if self._section == "System":
                for attribute, value in attributes.items():
                    self._of_system(f"{name}_{_local(attribute)}", value)
                self._name = name
            else:
                self._name = attributes.get("Name") or name
        elif depth == 2:
            self._section = _local(tag)
        elif _local(tag) != "Event":
            raise NoEvent(f"the root is {tag[:40]}")
        self.text.clear()

    def end(self, _tag: str) -> None:
        # An element with elements inside is no leaf: only the innermost one carries a value.
        if self._leaf == self._depth:
            self._value("".join(self.text))
        self._leaf = 0
        self._depth -= 1
        self.text.clear()

    def _value(self, value: str) -> None:
        if self._section == "System":
            if value.strip():
                self._of_system(self._name, value.strip())
        elif self._section == "RenderingInfo":
            self.message = value if self._name == "Message" else self.message
        elif len(self.data) < MAX_FIELDS:
            self._add(self._name, value)
        else:
            self.crowded = True

    def _of_system(self, name: str, value: str) -> None:
        if name in SYSTEM and value:
            self.system[name] = value

    def _add(self, name: str, value: str) -> None:
        before = self.data.get(name)
        if before is None:
            self.data[name] = [value] if name == "Data" else value
        elif isinstance(before, list):
            before.append(value)
        else:
            self.data[name] = [before, value]


def _clean(record: Record, data: Mapping[str, str | list[str]], hide: Callable[[str], str]) -> None:
    """Hide the secrets that event data shows in its record."""
    for name, value in data.items():
        if isinstance(value, list):
            record[name] = [hide(item) for item in value]
        elif len(value) >= _SHORTEST and name not in HARMLESS:
            record[name] = hide(value)
    _hide_registry(record, data)


def _hide_registry(record: Record, data: Mapping[str, str | list[str]]) -> None:
    for name, owner in _REGISTRY.items():
        if name in data:
            key = data.get(owner)
            if isinstance(key, str) and is_secret(key.rpartition("\\")[2]):
                record[name] = MARK


@lru_cache(maxsize=512)
def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _mend(match: re.Match[str]) -> str:
    reference = match.group(1)
    if not reference:
        return "&amp;"
    code = int(reference[2:-1], 16) if reference[1] == "x" else int(reference[1:-1])
    good = code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match.group(0) if good else ""
