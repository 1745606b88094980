"""Pages of rows behind opaque cursors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from appliance.alerts.cursor import decode, encode

Row = TypeVar("Row")


def page(
    session: Session,
    query: Select[Row],
    keys: Sequence[InstrumentedAttribute[int]],
    after: str | None,
    limit: int,
    *,
    descending: bool = True,
) -> tuple[list[Row], str | None]:
    """Return a page of a query's rows in the order of `keys`, which together are unique, and the next cursor.

    Raises BadCursor.
    """
    place = tuple_(*keys)
    if after is not None:
        last = decode(after, len(keys))
        query = query.where(place < last if descending else place > last)
    order = [key.desc() for key in keys] if descending else keys
    found = list(session.scalars(query.order_by(*order).limit(limit + 1)))
    items = found[:limit]
    return items, encode(*(getattr(items[-1], key.key) for key in keys)) if len(found) > limit else None
