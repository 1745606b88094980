"""The lists of a box's indicators for who has no sessions of it: the box may be stopped, or a copy."""

from __future__ import annotations

import structlog
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from appliance.detect.modifiers import Lists
from appliance.home import Home
from appliance.indicators import book
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.state.indicators import Indicator

log = structlog.get_logger()


def lists_of(home: Home, settings: Settings, now: int) -> Lists:
    """Return the lists as they are at a moment; none where the state is not there, older, or cannot be read."""
    if not home.state.is_file() and not settings.state_url:
        return {}
    engine = open_state(settings.database(home))
    try:
        if not inspect(engine).has_table(Indicator.__tablename__):
            return {}
        with open_sessions(engine)() as session:
            return book.lists(session, now)
    except SQLAlchemyError as error:
        log.warning("indicators_not_read", reason=str(error)[:300])
        return {}
    finally:
        engine.dispose()
