"""Text of a query → tokens with positions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from appliance.search.errors import QueryError
from appliance.search.fold import fold
from appliance.search.nodes import Wild

WRITABLE = re.compile(r"[@A-Za-z_][\w.@-]*")
"""Names that can stand before a colon."""
# A colon before another colon or a backslash belongs to a text: fe80::1, C:\Windows.
_FIELD = re.compile(rf"{WRITABLE.pattern}:(?![:\\])")
_RANGE = re.compile(r"([\[{])(.*?)([\]}])", re.DOTALL)
_COMPARE = re.compile(r"[<>]=?")
# Without a gap and with a slash at the end only: /c and /usr/bin/sh are words.
_REGEX = re.compile(r"/((?:[^/\\\s]|\\.)+)/(?=[\s\xa0)]|\Z)", re.DOTALL)
_SPACE = re.compile(r"\s+")
_WORD_ENDS = frozenset(' \t\r\n\f\v()"\u00a0')
_OPERATORS = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR", "NOT": "NOT", "!": "NOT"}
MAX_WILDCARDS = 8


class Sort(Enum):
    """What a token is."""

    FIELD = auto()
    WORD = auto()
    PHRASE = auto()
    REGEX = auto()
    RANGE = auto()
    COMPARE = auto()
    OPERATOR = auto()
    OPEN = auto()
    CLOSE = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the query; `text` without escapes, `parts` with wildcards told from literal text."""

    sort: Sort
    text: str
    position: int
    parts: tuple[str | Wild, ...] = ()


@dataclass(frozen=True, slots=True)
class Scanned:
    """A token, where it ends, and the field that it is about: the one before it or that of the group around it."""

    token: Token
    end: int
    field: str


def tokens(query: str) -> list[Token]:
    """Return the tokens of a query, the last one being END. Raises QueryError."""
    return [*(scanned.token for scanned in scan(query)), Token(Sort.END, "", len(query))]


def scan(query: str) -> Iterator[Scanned]:
    """Yield the tokens of a query in order, so that what stands before an error is known. Raises QueryError."""
    groups = [""]
    before: Token | None = None
    at, field = 0, ""
    while at < len(query):
        space = _SPACE.match(query, at)
        if space:
            at = space.end()
            continue
        token, at = _next(query, at, before.sort if before else None, grouped=bool(groups[-1]))
        if before is None or before.sort not in (Sort.FIELD, Sort.COMPARE):
            field = groups[-1]
        yield Scanned(token, at, field)
        if token.sort is Sort.OPEN:
            groups.append(field)
        elif token.sort is Sort.CLOSE and len(groups) > 1:
            groups.pop()
        elif token.sort is Sort.FIELD:
            field = token.text
        before = token


def _next(query: str, at: int, before: Sort | None, *, grouped: bool) -> tuple[Token, int]:
    character = query[at]
    if character in "()":
        return Token(Sort.OPEN if character == "(" else Sort.CLOSE, character, at), at + 1
    if character == '"':
        return _phrase(query, at)
    bare = before not in (Sort.FIELD, Sort.COMPARE)
    special = _after_field(query, at) if before is Sort.FIELD or (bare and grouped) else None
    special = special or (_before_value(query, at) if bare else None)
    if special is None and before is not Sort.COMPARE:
        special = _expression(query, at)
    return special or _word(query, at, bare=bare)


def _before_value(query: str, at: int) -> tuple[Token, int] | None:
    if query[at] in "-!" and at + 1 < len(query) and not query[at + 1].isspace():
        return Token(Sort.OPERATOR, "NOT", at), at + 1
    field = _FIELD.match(query, at)
    return (Token(Sort.FIELD, field[0][:-1], at), field.end()) if field else None


def _expression(query: str, at: int) -> tuple[Token, int] | None:
    found = _REGEX.match(query, at)
    return (Token(Sort.REGEX, found[1], at), found.end()) if found else None


def _after_field(query: str, at: int) -> tuple[Token, int] | None:
    if query[at] in "[{":
        span = _RANGE.match(query, at)
        if not span:
            raise QueryError(at, "bracket")
        return Token(Sort.RANGE, span[0], at), span.end()
    compare = _COMPARE.match(query, at)
    return (Token(Sort.COMPARE, compare[0], at), compare.end()) if compare else None


def _phrase(query: str, start: int) -> tuple[Token, int]:
    text: list[str] = []
    at = start + 1
    while at < len(query):
        character = query[at]
        if character == '"':
            whole = "".join(text)
            return Token(Sort.PHRASE, whole, start, (fold(whole),)), at + 1
        if character == "\\" and query[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        text.append(query[at])
        at += 1
    raise QueryError(start, "quote")


def _word(query: str, start: int, *, bare: bool) -> tuple[Token, int]:
    parts: list[str | Wild] = []
    at = start
    while at < len(query) and query[at] not in _WORD_ENDS:
        character = query[at]
        if character == "\\" and query[at + 1 : at + 2] in ("*", "?", '"', "\\"):
            at += 1
            _add(parts, query[at])
        elif character in "*?":
            _add_wild(parts, Wild(character), start)
        else:
            _add(parts, character)
        at += 1
    text = query[start:at]
    if bare and text in _OPERATORS:
        return Token(Sort.OPERATOR, _OPERATORS[text], start), at
    whole = "".join(part if isinstance(part, str) else part.value for part in parts)
    return Token(Sort.WORD, whole, start, tuple(fold(p) if isinstance(p, str) else p for p in parts)), at


def _add(parts: list[str | Wild], character: str) -> None:
    if parts and isinstance(parts[-1], str):
        parts[-1] += character
    else:
        parts.append(character)


def _add_wild(parts: list[str | Wild], wild: Wild, start: int) -> None:
    if wild is Wild.MANY and parts and parts[-1] is Wild.MANY:
        return
    parts.append(wild)
    if sum(isinstance(part, Wild) for part in parts) > MAX_WILDCARDS:
        raise QueryError(start, "wildcards", granica=str(MAX_WILDCARDS))
