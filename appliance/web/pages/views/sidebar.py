"""The list of fields beside a table: which the found events have, the telling ones first, and the values of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.search import labels
from appliance.search.lexer import WRITABLE
from appliance.web.pages.views.asking import Asking
from appliance.web.pages.views.columns import DRILLED
from appliance.web.pages.views.events import TIMES, Event, ending, join, short, term, text_of

TOP = 10
"""Values of a field that are shown."""
FIRST = 12
"""Fields that stand in the list before the rest is asked for."""
_SHOWN, _WHOLE = 26, 400
"""Characters of a value in the list, and where a pointer rests on it."""
_APART = TIMES | {"event.id", "event.original", "message"}
"""Fields whose values differ in every event."""
_TELLING = (
    "host.name",
    "user.name",
    "process.executable",
    "process.parent.executable",
    "event.action",
    "event.code",
    "event.outcome",
    "event.category",
    "event.module",
    "source.ip",
    "destination.ip",
    "destination.port",
    "destination.domain",
    "dns.question.name",
    "file.path",
    "registry.path",
    "url.full",
    "winlog.channel",
    "user.target.name",
    "process.name",
    "process.command_line",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A field of the list: what it is in the reader's language, and in how many of the shown events of a hundred."""

    name: str
    label: str
    share: int
    address: str
    column: str
    """The address that adds it as a column; empty where it stands already."""


@dataclass(frozen=True, slots=True)
class TopValue:
    """A value of a field, how many events have it, its share as a length, and the searches with it and without."""

    text: str
    whole: str
    count: int
    length: float
    plus: str
    minus: str


def entries(events: Sequence[Event], asked: Asking, lang: str) -> list[Entry]:
    """Return the fields of events, the telling ones first, then those that most events have."""
    had = Counter(name for event in events for name, value in event.items() if text_of(value))
    rank = {name: place for place, name in enumerate(_TELLING)}
    order = sorted(had, key=lambda name: (rank.get(name, len(rank)), -had[name], name))
    return [
        Entry(
            name,
            labels(lang).get(name, ""),
            round(100 * had[name] / len(events)),
            asked.address(field="" if name == asked.field else name),
            asked.with_column(name),
        )
        for name in order
        if name not in _APART and WRITABLE.fullmatch(name)
    ]


def top_values(name: str, found: Sequence[tuple[object, int]], asked: Asking) -> list[TopValue]:
    """Return the most frequent values of a field."""
    most = max((count for _, count in found), default=1) or 1
    return [_top(name, text_of(value), count, most, asked) for value, count in found if text_of(value)]


def _top(name: str, text: str, count: int, most: int, asked: Asking) -> TopValue:
    narrow = term(name, text) if len(text) <= DRILLED else ""
    return TopValue(
        ending(text, _SHOWN),
        short(text, _WHOLE),
        count,
        round(100 * count / most, 1),
        asked.narrowed(join(asked.query, narrow)),
        asked.narrowed(join(asked.query, f"NOT {narrow}" if narrow else "")),
    )
