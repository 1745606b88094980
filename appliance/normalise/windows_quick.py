"""Flat Windows records by one written function a list of names: the fast way, which must equal the general one.

Agents and exports repeat the same names in the same order, so a function is written for each class of events and
list of names, and kept, bounded. A record that is in any way unusual is left to the general way.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.schema import windows
from appliance.normalise.windows_plan import MAX_NAME, plan_for
from appliance.normalise.windows_shape import MAX_NAMES, flat_shape
from appliance.normalise.windows_written import MODULE, Quick, written

MAX_KEPT = 1024
"""Functions that are kept."""
_CODE_DIGITS = 5
_UNSEEN: Any = object()
Reader = tuple[Callable[[Raw], tuple[Any, ...]], Quick]
"""What takes a record's values, and the function that makes them an event."""
_kept: dict[tuple[object, ...], Reader | None] = {}
_latest: dict[tuple[object, ...], Reader] = {}
"""By class and number of names, the reader that the latest such record took: finding it is cheap."""


def quickly(record: Raw, length: int, source: Source) -> Event | None:
    """Return the event of a usual record with an `EventID`, None when the general way must decide.

    `length` is that of the line which the record was taken from by a glance, 0 for a record that hides nothing.
    """
    try:
        reader = _latest.get((record["EventID"], record.get("Channel"), len(record)))
        values = reader[0](record) if reader else None
    except (KeyError, TypeError):
        # As many other names, or values that are no keys.
        reader = None
    if reader is None:
        reader = _reader(record)
        if reader is None:
            return None
        values = reader[0](record)
    return reader[1](values, source, length)  # type: ignore[arg-type]


def _reader(record: Raw) -> Reader | None:
    """Return what reads records of this class and these names, None when nothing does."""
    code, channel = record["EventID"], record.get("Channel")
    usual = type(code) is int or (type(code) is str and code.isdecimal() and len(code) <= _CODE_DIGITS)
    if not usual or type(channel) is not str or len(record) > MAX_NAMES or len(channel) > MAX_NAME:
        return None
    kind = (code, channel, *record)
    reader = _kept.get(kind, _UNSEEN)
    if reader is _UNSEEN:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
            _latest.clear()
        reader = _kept[kind] = _made(record, int(code), windows().channel_aliases.get(channel, channel))
    if reader is not None:
        _latest[code, channel, len(record)] = reader
    return reader  # type: ignore[no-any-return]


def _made(record: Raw, code: int, channel: str) -> Reader | None:
    plan, names = plan_for(channel, code), tuple(record)
    shape = flat_shape(plan, names)
    quick = written(plan, shape, record, code, channel) if shape and "xml" not in record else None
    return (itemgetter(*names), quick) if quick else None


__all__ = ["MAX_KEPT", "MODULE", "quickly"]
