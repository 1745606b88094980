"""A quick reading of the usual shape of `<Event>`, for speed only: any other shape is left to the parser.

The usual shape is System followed by EventData with flat, named `<Data>` elements, each name once, without comments,
CDATA, numeric references or carriage returns. Tags repeat from event to event, so what they say is kept, bounded.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_DATA = 128
"""Elements of EventData; more are left to the parser."""
MAX_TAG = 256
MAX_KEPT = 512
"""Lists of tags that are kept."""
_PROLOGUE = re.compile(r"\s*+(?:<\?xml[^>]*+>\s*+)?<Event(?>(?:\s++xmlns=(?:\"[^\"<]*+\"|'[^'<]*+'))?)>\s*+")
_QUOTED = r"(?:\"[^\"<\n\t]*+\"|'[^'<\n\t]*+')"
_TAG = re.compile(rf"([A-Za-z]++)((?>(?:\s++[A-Za-z]++={_QUOTED})*))\s*+")
_ATTRIBUTE = re.compile(r"([A-Za-z]++)=(?:\"([^\"]*+)\"|'([^']*+)')")
_DATA = re.compile(rf"\s*+<Data\s++Name=({_QUOTED})\s*+")

_kept: dict[tuple[str, ...], tuple[str, ...]] = {}
Tag = tuple[str, tuple[tuple[str, str], ...]]
"""Name, and (name of the element and attribute, value) of each attribute."""


def scan(text: str) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]] | None:
    """Return (System attributes, names of data, their values) of well-formed text; None when it has another shape."""
    escaped = "&" in text
    if (escaped and "&#" in text) or "\r" in text or ("]" in text and "]]>" in text):
        return None
    start, end = text.find("<System>"), text.find("</System>")
    if start < 0 or end < start or not _PROLOGUE.fullmatch(text, 0, start):
        return None
    body, tail = text.find("<EventData>", end), text.rfind("</EventData>")
    if body < 0 or tail < body or not _blank(text[end + 9 : body]) or text[tail + 12 :].split() != ["</Event>"]:
        return None
    system = _system(text[start + 8 : end])
    data = _data(text[body + 11 : tail])
    if system is None or data is None:
        return None
    if escaped:
        system = {name: _text(value) for name, value in system.items()}
        return system, tuple(map(_text, data[0])), tuple(map(_text, data[1]))
    return system, *data


def _blank(text: str) -> bool:
    return not text or text.isspace()


def _system(head: str) -> dict[str, str] | None:
    """Return the attributes and texts of flat elements."""
    system: dict[str, str] = {}
    pieces = head.split("<")
    end, blank = "", _blank(pieces[0])
    for piece in pieces[1:]:
        markup, closed, content = piece.partition(">")
        if end:
            blank = blank and markup == end and closed == ">" and _blank(content)
            end = ""
            continue
        alone = markup.endswith("/")
        tag = _tag(markup[:-1] if alone else markup) if closed and len(markup) < MAX_TAG else None
        if tag is None:
            return None
        content = content.strip()
        system.update(tag[1])
        if alone:
            blank = blank and not content
        else:
            end = "/" + tag[0]
            if content:
                system[tag[0]] = content
    return system if blank and not end else None


@lru_cache(maxsize=1024)
def _tag(markup: str) -> Tag | None:
    """Return what the inside of an opening tag says."""
    tag = _TAG.fullmatch(markup)
    if tag is None:
        return None
    attributes = tuple((f"{tag[1]}_{a}", double or single) for a, double, single in _ATTRIBUTE.findall(tag[2]))
    return (tag[1], attributes) if len(dict(attributes)) == len(attributes) else None


def _data(body: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the names and values of Data elements that all have a name of their own and an end tag."""
    parts = body.split("</Data>")
    # An opening and an end tag for each, and no markup inside.
    if not _blank(parts.pop()) or len(parts) > MAX_DATA or body.count("<") != 2 * len(parts):
        return None
    if not parts:
        return (), ()
    markups, ends, values = zip(*[part.partition(">") for part in parts])  # noqa: B905 - three each
    names = _names(markups) if "" not in ends else None
    return (names, values) if names is not None else None


def _names(markups: tuple[str, ...]) -> tuple[str, ...] | None:
    known = _kept.get(markups)
    if known is None:
        if any(len(markup) > MAX_TAG for markup in markups):
            return None
        found = [_DATA.fullmatch(markup) for markup in markups]
        known = tuple(match[1][1:-1] for match in found if match)
        if len(known) != len(markups) or len(set(known)) != len(known) or "" in known:
            return None
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        _kept[markups] = known
    return known


def _text(escaped: str) -> str:
    if "&" not in escaped:
        return escaped
    for reference, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        escaped = escaped.replace(reference, character)
    return escaped
