"""New state databases for tests: the migrations run once in a process, and each database begins as a copy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, make_url

from appliance.state.database import open_state
from appliance.state.migrate import migrate


def fresh_state(url: str) -> Engine:
    """Open a new, migrated state database at a URL of a file that does not exist yet."""
    path = make_url(url).database
    assert path is not None
    with Path(path).open("xb") as file:
        file.write(_migrated())
    return open_state(url)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        engine = open_state(f"sqlite:///{path}")
        migrate(engine)
        engine.dispose()
        return path.read_bytes()
