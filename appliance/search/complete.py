"""What a person is writing at a place of a query, and how names and values are written there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from appliance.search.errors import QueryError
from appliance.search.fields import Fields, aliases
from appliance.search.lexer import WRITABLE, Scanned, Sort, scan
from appliance.search.nodes import Wild
from appliance.search.parse import EXISTS

TIMES = ("now-15m", "now-1h", "now-24h", "now-7d", "now/d", "now-1d/d", "now/w", "now/M")
"""Values that are offered where a time is asked for."""
_MARK = "x"
_PLAIN = re.compile(r"[\w@.%+=,#][\w@.%+=,#/-]*")
_REST_OF_NAME = re.compile(r"[\w.@-]*:?")
_REST_OF_VALUE = re.compile(r'[^\s()"]*')
_REST_OF_PHRASE = re.compile(r'[^"]*"')


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at the cursor: the beginning of a field's name, or of a value of `field`.

    `start` and `end` are what a suggestion takes the place of; `colon` = the name wants one after it.
    """

    kind: Literal["field", "value"]
    field: str
    prefix: str
    start: int
    end: int
    colon: bool = False


def place(query: str, at: int) -> Place | None:
    """Return what is being written at a place (0 to the query's length); None where nothing can be suggested."""
    before = query[:at]
    try:
        found = _scanned(before + _MARK)
    except QueryError as error:
        return _phrase(query, at, error.position) if error.key == "quote" else None
    last = found[-1]
    compared = len(found) > 1 and found[-2].token.sort is Sort.COMPARE
    if last.token.sort is not Sort.WORD or compared or any(isinstance(part, Wild) for part in last.token.parts):
        return None
    return _place(last, last.token.text.removesuffix(_MARK), query, at)


def _scanned(query: str) -> list[Scanned]:
    return list(scan(query))


def _place(last: Scanned, prefix: str, query: str, at: int) -> Place:
    start = last.token.position
    if last.field and last.field != EXISTS:
        return Place("value", last.field, prefix, start, _end(_REST_OF_VALUE, query, at))
    return Place("field", "", prefix, start, _end(_REST_OF_NAME, query, at), colon=not last.field)


def _end(rest: re.Pattern[str], query: str, at: int) -> int:
    found = rest.match(query, at)
    return found.end() if found else at


def _phrase(query: str, at: int, opened: int) -> Place | None:
    """Return the place within quotation marks that are still open: only a field's value is suggested there."""
    last = _scanned(query[:opened] + _MARK)[-1]
    if last.token.sort is not Sort.WORD or not last.field or last.field == EXISTS:
        return None
    prefix = re.sub(r'\\(["\\])', r"\1", query[opened + 1 : at])
    return Place("value", last.field, prefix, opened, _end(_REST_OF_PHRASE, query, at))


def names(fields: Fields, prefix: str, most: int) -> list[str]:
    """Return names that begin so, then those of which a part does; short names first, else by name.

    Names that the language cannot write before a colon are left out.
    """
    wanted = prefix.lower()
    full = sorted(name for name in {*fields.schema, *fields.seen} if WRITABLE.fullmatch(name))
    known: Iterable[str] = dict.fromkeys((*aliases(), *full))
    ranked = [(_rank(name.lower(), wanted), place, name) for place, name in enumerate(known)]
    return [name for rank, _, name in sorted(one for one in ranked if one[0] is not None)[:most]]


def _rank(name: str, wanted: str) -> int | None:
    if name.startswith(wanted):
        return 0
    return 1 if "." + wanted in name else None


def phrase(text: str) -> str:
    """Return a text as a phrase of the language: it means exactly this text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def written(text: str) -> str:
    """Return a text as a value of the language, in quotation marks only where it needs them."""
    return text if _PLAIN.fullmatch(text) else phrase(text)
