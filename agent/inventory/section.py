"""What a section of the inventory is: where its facts come from, how they are read, how often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agent.inventory.raw import Raws, Source
from agent.wire.event import Record, Value
from agent.wire.inventory import MAX_FIELDS, MAX_ITEMS, MAX_KEY, MAX_LIST, MAX_TEXT, canonical

HOUR = 3600
DAY = 24 * HOUR
Item = tuple[str, Record]
"""An item's key and its fields."""
Stays = Callable[[str], bool]
"""Says of an item's key whether nobody could look where it was, so that it stays what it was."""


def _everywhere(_raws: Raws) -> Stays:
    return lambda _key: False


class Section(NamedTuple):
    """One section on one system. `parse` is pure and raises Unknown when the sources do not tell."""

    name: str
    sources: Mapping[str, Source]
    parse: Callable[[Raws], Iterable[Item]]
    every: int
    """Seconds between two rounds."""
    unseen: Callable[[Raws], Stays] = _everywhere
    """Pure, as `parse`: where the sources did not reach."""


def bounded(items: Iterable[Item]) -> dict[str, Record]:
    """Return items by key, cut to the bounds of the wire; of two with one key the first stays."""
    found: dict[str, Record] = {}
    for key, fields in items:
        if len(found) >= MAX_ITEMS:
            break
        if key:
            found.setdefault(_clean(key)[:MAX_KEY], _fitting(fields))
    return found


def _fitting(fields: Record) -> Record:
    """Return the fields that say something, texts and lists cut shorter until the whole fits the wire."""
    longest, most = MAX_TEXT, MAX_LIST
    while True:
        cut = {name: _value(value, longest, most) for name, value in fields.items() if _said(value)}
        if longest < 2 or len(canonical(cut).encode("utf-8", "replace")) <= MAX_FIELDS:
            return cut
        longest, most = longest // 2, most // 2


def _said(value: Value) -> bool:
    return value is not None and value not in ("", [], ())


def _value(value: Value, longest: int, most: int) -> Value:
    if isinstance(value, str):
        return _clean(value)[:longest]
    if isinstance(value, (list, tuple)):
        return [_clean(each)[:longest] if isinstance(each, str) else each for each in value[:most]]
    return value


def _clean(text: str) -> str:
    """Return a text that every machine writes in the same bytes: lone surrogates and control characters replaced."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)
