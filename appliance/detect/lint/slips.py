"""Slips that load without a word: a field misspelt, quotes of a word processor, a `*` that is no wildcard."""

from __future__ import annotations

import re
from collections.abc import Iterator

from appliance.detect.modifiers import PLACEHOLDER

from .model import Finding, RuleText
from .names import meant
from .written import CORRELATION, Item, items, kind_of

#: Fields that hold a path, where no `*` and no `?` can ever stand.
_PATH = re.compile(r"Image$|ImageLoaded$|TargetFilename$|Path$|^CurrentDirectory$")
#: A path, a backslash, and a sign that this backslash makes an ordinary one.
_TAKEN = re.compile(r"[\w)}]\\(?:\\\\)*[*?]")
_QUOTES = "„”“‟‘’‚»«"
_SHOWN = 60
#: Modifiers under which a value is no text with wildcards.
_OTHER = frozenset({"re", "cidr", "exists", "fieldref", "expand"})


def slips(text: RuleText) -> Iterator[Finding]:
    """Every finding about names and signs in one rule or filter."""
    kind = kind_of(text.document.value)
    if kind is None or kind == CORRELATION:
        return
    source = text.document.value.get("logsource")
    windows = isinstance(source, dict) and source.get("product") == "windows"
    for item in items(text, kind):
        yield from _item(text, item, windows)


def _item(text: RuleText, item: Item, windows: bool) -> Iterator[Finding]:
    line = item.values[0].start_mark.line + 1
    name = meant(item.field) if windows else ""
    if name:
        yield Finding(text.file, line, "R12", {"field": item.field[:_SHOWN], "meant": name})
    if "expand" in item.modifiers and not any(PLACEHOLDER.search(value) for value, _ in item.texts()):
        yield Finding(text.file, line, "R13", {"field": item.field[:_SHOWN]})
    plain = windows and not _OTHER.intersection(item.modifiers) and _PATH.search(item.field)
    for value, at in item.texts():
        if plain and _TAKEN.search(value):
            yield Finding(text.file, at, "R28", {"value": value[:_SHOWN]})
        if value[:1] in tuple(_QUOTES) and value[-1:] in tuple(_QUOTES) and len(value) > 1:
            yield Finding(text.file, at, "R29", {"value": value[:_SHOWN]})
