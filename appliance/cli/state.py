"""The state database of a home folder, for commands that need no running box."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from appliance.cli.client import fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.settings import SettingsError, load_settings
from appliance.state.database import open_sessions, open_state
from appliance.state.migrate import migrate


def open_home(home: Path) -> sessionmaker[Session]:
    """Return sessions of a home folder's state, made if it is new. Leaves with USAGE when the settings are wrong."""
    box = Home(home.resolve())
    try:
        box.create()
        settings = load_settings(box)
    except SettingsError as error:
        fail(error, Exit.USAGE)
    except OSError as error:
        fail(OSError(f"Brak prawa zapisu: {error.filename}. Podaj inny folder w --home."), Exit.USAGE)
    engine = open_state(settings.database(box))
    migrate(engine)
    return open_sessions(engine)
