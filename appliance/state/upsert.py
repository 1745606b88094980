"""Rows that are counted up, or written anew, where they stand already."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from appliance.state.models import Base


def add_up(
    session: Session,
    model: type[Base],
    keys: Collection[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    latest: Collection[str] = (),
) -> None:
    """Insert rows, or add their numbers to the row that has the same `keys`; columns in `latest` are overwritten there.

    All rows name the same columns. One statement serves them all: to write one for each costs a hundred times as much
    as to run it.
    """
    if not rows:
        return
    table: Any = model.__table__
    statement = insert_for(session)(table)
    changes = {
        name: statement.excluded[name] if name in latest else table.c[name] + statement.excluded[name]
        for name in rows[0]
        if name not in keys
    }
    session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changes), list(rows))


def replace_rows(
    session: Session,
    model: type[Base],
    keys: Collection[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    kept: Collection[str] = (),
) -> None:
    """Insert rows, or overwrite the row that has the same `keys`, but for the columns in `kept`.

    All rows name the same columns.
    """
    if not rows:
        return
    statement = insert_for(session)(model.__table__)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in {*keys, *kept}}
    session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changes), list(rows))


def insert_for(session: Session) -> Any:
    """Return the `insert` of the database that a session has, which knows what to do about rows that are there."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
