"""The table of events: its columns, and cells that know which field and value they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.web.pages.views.asking import WHAT, Asking
from appliance.web.pages.views.events import TIMES, Event, Summary, ending, get, summarise, text_of

DRILLED = 1000
"""Characters of a value past which it is no longer offered for a search."""
_SHOWN = 40
_USERS = ("user.name", "winlog.event_data.User", "user.id")
"""An account is shown by whichever of these the event has."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `field` is what a search by it names, empty where none can be made; `value` is the whole of it."""

    text: str
    field: str = ""
    value: str = ""
    micros: int | None = None
    summary: Summary | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the table; `level` and `alert_id` are of the worst alert that it raised."""

    id: str
    at: int
    host: str
    cells: tuple[Cell, ...]
    level: int | None
    alert_id: int | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column as its list shows it; each address is empty where that cannot be done."""

    name: str
    nearer: str
    further: str
    without: str


def column_list(asked: Asking) -> list[Column]:
    """Return the columns in their order with the addresses that change them."""
    return [
        Column(name, asked.moved(name, -1), asked.moved(name, 1), asked.without_column(name)) for name in asked.shown
    ]


def rows_of(events: Sequence[Event], alerted: Mapping[str, tuple[int, int]], columns: Sequence[str]) -> list[Row]:
    """Return the lines of a table; `alerted` gives (alert id, level) of events that raised alerts."""
    return [_row(event, alerted, columns) for event in events]


def _row(event: Event, alerted: Mapping[str, tuple[int, int]], columns: Sequence[str]) -> Row:
    number = text_of(event.get("event.id"))
    alert_id, level = alerted.get(number, (None, None))
    cells = tuple(cell(event, name) for name in columns)
    return Row(number, int(event.get("@timestamp", 0)), get(event, "host.name"), cells, level, alert_id)


def cell(event: Event, name: str) -> Cell:
    """Return what an event shows in a column."""
    if name == WHAT:
        return Cell("", summary=summarise(event))
    field = next((one for one in _USERS if get(event, one)), name) if name == _USERS[0] else name
    value: Any = event.get(field)
    if name in TIMES and isinstance(value, int) and not isinstance(value, bool):
        return Cell("", micros=value)
    parts = value if isinstance(value, (list, tuple)) else [value]
    one, text = text_of(parts[0]) if parts else "", ending(text_of(value), _SHOWN)
    return Cell(text, field, one) if one and len(one) <= DRILLED else Cell(text)
