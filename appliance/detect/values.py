"""How the engine reads an event's values: as texts, folded by one function, any element of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]
Event = Mapping[str, Value]

#: Keys whose values the box makes: ids, ECS's words for a class of events, times in its own unit, sums. Keywords are
#: about what the source said, not about these.
ENVELOPE = frozenset({
    *("event.id", "agent.id", "event.original", "event.time_corrected", "winlog.logon.type"),
    *("event.module", "event.dataset", "event.kind", "event.category", "event.type", "event.action", "event.outcome"),
    *("@timestamp", "event.created", "event.ingested", "event.start", "event.end", "event.duration", "gap.from"),
    *("gap.to", "process.start", "file.mtime", "fim.before.mtime", "x509.not_before", "x509.not_after"),
    *("network.bytes", "network.direction"),
})  # fmt: skip
#: Floats without a fraction are written as integers below this.
LARGEST_WHOLE = 1e18
#: Integers beyond this many bits are read in hexadecimal: decimal conversion is quadratic.
_DECIMAL_BITS = 4096
_BETWEEN = "\0"


def fold(text: str) -> str:
    """`text` without case, of the same length.

    Every character folds alone, so a part of a text folds to the same part of the folded text, whatever
    stands around it (`str.lower` breaks this for a final sigma). Characters whose folding is longer than
    one character (ß, İ) stay themselves, so positions keep their meaning.
    """
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    parts = _growing().split(text)
    parts[::2] = [part.casefold() for part in parts[::2]]
    parts[1::2] = map(_fold_one, parts[1::2])
    return "".join(parts)


def fold_all(several: Sequence[str]) -> list[str]:
    """Many texts without case: at once, where none of them stands in the way."""
    joined = _BETWEEN.join(several)
    folded = joined.casefold()
    if len(folded) == len(joined) and folded.count(_BETWEEN) == len(several) - 1:
        return folded.split(_BETWEEN)
    return list(map(fold, several))


@cache
def _growing() -> re.Pattern[str]:
    """The characters whose folding is longer than one; all of them are among the first 65,536."""
    return re.compile(f"([{''.join(char for char in map(chr, range(1 << 16)) if len(char.casefold()) > 1)}])")


def _fold_one(char: str) -> str:
    for folded in (char.casefold(), char.lower()):
        if len(folded) == 1:
            return folded
    return char


def text(value: Scalar) -> str:
    """A value as rules see it: true and false in lower case, 1.0 as 1, numbers in decimal."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < LARGEST_WHOLE else repr(value)
    return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)


def texts(value: Value | None) -> tuple[str, ...]:
    """Every element of a value as text; nothing for a field that is not there."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple):
        return tuple(text(element) for element in value)
    return (text(value),)


def thaw(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as the engine knows it from its JSON: lists are tuples again."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in event.items()}


def keyword_texts(event: Event) -> tuple[str, ...]:
    """Every text a keyword may be found in: what the source said. A host without a name has its agent's id for one."""
    sender = event.get("agent.id")
    return tuple(
        element
        for key, value in event.items()
        if key not in ENVELOPE and not (key == "host.name" and value == sender)
        for element in texts(value)
    )
