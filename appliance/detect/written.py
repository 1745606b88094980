r"""Texts of a rule as they are written: `*` and `?` are wildcards, `\` makes a wildcard or another `\` plain."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from .nodes import Op, Pattern, Wild

_SPECIAL = re.compile(r"\\([\\*?])|([*?])")
_WILD = {"*": Wild.MANY, "?": Wild.ONE}


def pattern_of(text: str) -> Pattern:
    """The pattern that a text of a rule stands for."""
    parts: list[str | Wild] = []
    start = 0
    for match in _SPECIAL.finditer(text):
        plain, wild = match.groups()
        parts.append(text[start : match.start()] + (plain or ""))
        start = match.end()
        if wild:
            parts.append(_WILD[wild])
    parts.append(text[start:])
    return joined(parts)


def escaped(text: str) -> str:
    """The text of a rule that stands for itself alone, wildcards too."""
    return re.sub(r"[\\*?]", lambda sign: "\\" + sign[0], text)


def joined(parts: list[str | Wild] | Pattern) -> Pattern:
    """A pattern without empty texts and without two texts side by side."""
    found: list[str | Wild] = []
    for part in parts:
        if isinstance(part, str):
            if not part:
                continue
            if found and isinstance(found[-1], str):
                found[-1] += part
                continue
        found.append(part)
    return tuple(found)


def mapped(pattern: Pattern, change: Callable[[str], str]) -> Pattern:
    """The pattern with its texts changed."""
    return tuple(part if isinstance(part, Wild) else change(part) for part in pattern)


class Hole(NamedTuple):
    """A place in a pattern that is still to be filled; `text` is what stands there."""

    text: str


def with_holes(pattern: Pattern, find: re.Pattern[str]) -> list[str | Wild | Hole]:
    """The pattern with a hole wherever `find` matches one of its texts."""
    parts: list[str | Wild | Hole] = []
    for part in pattern:
        if isinstance(part, Wild):
            parts.append(part)
            continue
        start = 0
        for match in find.finditer(part):
            parts += [part[start : match.start()], Hole(match[0])]
            start = match.end()
        parts.append(part[start:])
    return parts


def filled(
    parts: Sequence[str | Wild | Hole], choices: Callable[[str], Sequence[Pattern]], most: int
) -> list[Pattern] | None:
    """Every way to fill all holes with one of their choices; None when there are more than `most`."""
    options: list[Sequence[Pattern]] = [
        choices(part.text) if isinstance(part, Hole) else [(part,)] for part in parts if part
    ]
    if prod(map(len, options)) > most:
        return None
    return [joined([part for pieces in way for part in pieces]) for way in product(*options)]


def shape(pattern: Pattern, *, keyword: bool = False) -> tuple[Op, str | Pattern | None]:
    """The cheapest operator for a wildcard pattern. A keyword may stand anywhere in a value."""
    core = list(pattern)
    lead = trail = keyword
    while core and core[0] is Wild.MANY:
        core.pop(0)
        lead = True
    while core and core[-1] is Wild.MANY:
        core.pop()
        trail = True
    if any(isinstance(part, Wild) for part in core):
        left = () if keyword or not lead else (Wild.MANY,)
        right = () if keyword or not trail else (Wild.MANY,)
        return Op.LIKE, (*left, *core, *right)
    needle = "".join(str(part) for part in core)
    if not needle and (lead or trail):
        return Op.ANY, None
    return {(True, True): Op.CONTAINS, (True, False): Op.ENDSWITH, (False, True): Op.STARTSWITH}.get(
        (lead, trail), Op.EQUALS
    ), needle
