"""Opening the state database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "cache_size=-4000")


def open_state(url: str) -> Engine:
    """Return an engine for a database URL; SQLite gets WAL, full synchronisation and foreign keys."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
    return engine


def open_sessions(engine: Engine) -> sessionmaker[Session]:
    """Return the session factory of an engine; objects stay readable after their session has ended."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def writing(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """Open a session for a change: what it reads cannot change under it, and it commits at the end."""
    with sessions.begin() as session:
        lock(session)
        yield session


def lock(session: Session) -> None:
    """Make a session's transaction the only writer, before it reads what its change depends on.

    SQLite takes its write lock here and not half-way, where another process's write would fail the transaction.
    """
    connection = session.connection()
    driver = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and driver is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(connection: Connection, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
