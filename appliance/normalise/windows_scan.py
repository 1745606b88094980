"""A quick reading of the usual shape of `<Event>`, for speed only: any other shape is left to the parser.

The usual shape is System followed by EventData with flat `<Data>` elements, without comments, CDATA, numeric
references or carriage returns. Every pattern is linear (possessive) and has to match its whole section.
"""

from __future__ import annotations

import re

_DOCUMENT = re.compile(
    r"\s*+(?:<\?xml[^>]*+>\s*+)?<Event(?:\s++xmlns=(?:\"[^\"<]*+\"|'[^'<]*+'))?+>\s*+"
    r"<System>(.*?)</System>\s*+(?:<EventData>(.*)</EventData>|<EventData\s*+/>)\s*+</Event>\s*+",
    re.DOTALL,
)
_QUOTED = r"(?:\"[^\"<\n\t]*+\"|'[^'<\n\t]*+')"
_ELEMENTS = re.compile(rf"(?:\s*+<([A-Za-z]++)(?:\s++[A-Za-z]++={_QUOTED})*+\s*+(?:/>|>[^<]*+</\1>))*+\s*+")
_ELEMENT = re.compile(rf"<([A-Za-z]++)((?:\s++[A-Za-z]++={_QUOTED})*+)\s*+(?:/>|>([^<]*+)</)")
_ATTRIBUTE = re.compile(r"([A-Za-z]++)=(?:\"([^\"]*+)\"|'([^']*+)')")
_DATA_ALL = re.compile(rf"(?:\s*+<Data(?:\s++Name={_QUOTED})?+\s*+(?:/>|>[^<]*+</Data>))*+\s*+")
_DATA = re.compile(r"<Data(?:\s++Name=(?:\"([^\"]*+)\"|'([^']*+)'))?+\s*+(?:/>|>([^<]*+)</)")


def scan(text: str) -> tuple[dict[str, str], list[tuple[str, str]]] | None:
    """Return (System attributes, named data in order) of well-formed text; None when it has another shape."""
    if "&#" in text or "\r" in text:
        return None
    document = _DOCUMENT.fullmatch(text)
    if document is None:
        return None
    head, body = document.group(1), document.group(2) or ""
    if not _ELEMENTS.fullmatch(head) or not _DATA_ALL.fullmatch(body):
        return None
    plain = "&" not in text
    data = [(a or b, value) for a, b, value in _DATA.findall(body)]
    if not plain:
        data = [(_text(name), _text(value)) for name, value in data]
    return _system(head, plain=plain), data


def _system(head: str, *, plain: bool) -> dict[str, str]:
    system: dict[str, str] = {}
    for name, attributes, value in _ELEMENT.findall(head):
        content = value.strip()
        if content:
            system[name] = content if plain else _text(content)
        if attributes:
            for attribute, double, single in _ATTRIBUTE.findall(attributes):
                system[f"{name}_{attribute}"] = (double or single) if plain else _text(double or single)
    return system


def _text(escaped: str) -> str:
    if "&" not in escaped:
        return escaped
    for reference, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        escaped = escaped.replace(reference, character)
    return escaped
