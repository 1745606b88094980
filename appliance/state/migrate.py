"""Bringing a state database to the tables of this version."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

_FOLDER = Path(__file__).parent


def newest() -> str:
    """Return the newest revision: the number in front of the last file's name."""
    return max(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision, in one transaction. Safe to repeat.

    Raises alembic.util.CommandError when the database is newer than this version knows.
    """
    if _is_newest(engine):
        return
    # Half a second to load, for nothing at most starts.
    from alembic import command  # noqa: PLC0415 - half a second, for nothing at most starts
    from alembic.config import Config  # noqa: PLC0415 - half a second, for nothing at most starts

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_newest(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == newest())
    except DBAPIError:
        # No such table: a new database.
        return False
