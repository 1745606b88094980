"""What a page of events was asked, as its address says it: query, time, columns, division of the chart, open field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from appliance.clock import SECOND
from appliance.search.lexer import WRITABLE
from appliance.web.pages.views.times import SPANS, Stretch, stretch, written_moment

WHAT = "_opis"
"""The column that says in words what happened."""
COLUMNS = ("host.name", "user.name", WHAT)
"""What a table shows unless its address says otherwise; the time and the level of alerts always stand before."""
MOST_COLUMNS = 12
QUERY = 4000
"""Characters of a query."""
_NAME = 200
LEVELS, WHOLE = "poziom", "brak"
SPLITS = ("event.module", "event.category", "event.outcome", "host.name", LEVELS, WHOLE)
"""By what the bars may be divided; LEVELS = events that raised alerts alone, by their level; WHOLE = not at all."""


def names(texts: Iterable[str], most: int = MOST_COLUMNS) -> tuple[str, ...]:
    """Return names of fields out of an address: those that a query can write, each once, no more than `most`."""
    known = dict.fromkeys(text for text in texts if len(text) <= _NAME and WRITABLE.fullmatch(text))
    return tuple(known)[:most]


@dataclass(frozen=True, slots=True)
class Asking:
    """What was asked for. `columns` empty = the usual ones."""

    query: str
    when: Stretch
    columns: tuple[str, ...] = ()
    split: str = SPLITS[0]
    field: str = ""
    """The field whose values stand open beside the table."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns of the table."""
        return self.columns or COLUMNS

    @property
    def exported(self) -> tuple[str, ...]:
        """The fields of a CSV with the same columns; none for the usual ones, which leaves them to the export."""
        fields = (name for name in self.columns if name != WHAT and name.isascii())
        return ("@timestamp", *fields) if self.columns else ()

    def pairs(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of the address, with some parts changed."""
        one = replace(self, **changes)
        columns = "" if one.columns == COLUMNS else ",".join(one.columns)
        said = {"q": one.query, **one.when.address(), "kol": columns, "pole": one.field}
        return {name: text for name, text in said.items() if text} | (
            {} if one.split == SPLITS[0] else {"wg": one.split}
        )

    def address(self, **changes: Any) -> str:
        """Return the address' parameters as one text, with some parts changed."""
        return urlencode(self.pairs(**changes))

    def spanning(self, span: str) -> str:
        """Return the address of the same question about another span."""
        return self.address(when=Stretch(None, None, span))

    def between(self, start: int, end: int) -> str:
        """Return the address of the same question between two moments in microseconds, to whole seconds."""
        first, last = written_moment(start), written_moment(end + SECOND - 1)
        return self.address(when=Stretch(start, end, "", first, last))

    def narrowed(self, query: str) -> str:
        """Return the address of another query about the same time; nothing when it is too long to be asked."""
        return self.address(query=query) if 0 < len(query) <= QUERY else ""

    def with_column(self, name: str) -> str:
        """Return the address with a column more, before what happened; nothing when it stands there or cannot."""
        more = _with(self.shown, name)
        return "" if more == self.shown else self.address(columns=more)

    def without_column(self, name: str) -> str:
        """Return the address without a column; nothing for the last one."""
        rest = tuple(one for one in self.shown if one != name)
        return self.address(columns=rest) if rest else ""

    def moved(self, name: str, by: int) -> str:
        """Return the address with a column one place further (by = 1) or nearer (-1); nothing at the edge."""
        order = list(self.shown)
        place = order.index(name)
        if not 0 <= place + by < len(order):
            return ""
        order[place], order[place + by] = order[place + by], order[place]
        return self.address(columns=tuple(order))


def _with(columns: tuple[str, ...], name: str) -> tuple[str, ...]:
    if name in (*columns, "@timestamp") or not names([name]) or len(columns) >= MOST_COLUMNS:
        return columns
    place = columns.index(WHAT) if WHAT in columns else len(columns)
    return (*columns[:place], name, *columns[place:])


def asking(values: Mapping[str, str], now: int, *, whole: bool = False) -> Asking:
    """Read what an address asks; what cannot be read is left out.

    `whole` = all of the history unless the address names a time.
    """
    timed = any(values.get(name, "") for name in ("okres", "od", "do"))
    given = values.get("kol", "")[: MOST_COLUMNS * _NAME]
    columns = _with(names(given.split(",")) or COLUMNS, values.get("dodaj", "").strip())
    split = values.get("wg", SPLITS[0])
    return Asking(
        query=values.get("q", "")[: QUERY + 1],
        when=Stretch(None, None, "all") if whole and not timed else stretch(values, now),
        columns=() if columns == COLUMNS else columns,
        split=split if split in SPLITS else SPLITS[0],
        field=next(iter(names([values.get("pole", "")])), ""),
    )


def spans() -> tuple[str, ...]:
    """Return the names of the spans that are offered."""
    return (*SPANS, "all")
