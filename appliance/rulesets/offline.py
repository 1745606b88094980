"""The rules of an office for who has no sessions of its box: the box may be stopped, or a copy."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError

from appliance.home import Home
from appliance.indicators.copied import lists_of
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state

from .content import ActiveRules, active_rules

log = structlog.get_logger()


def offline_rules(home: Home, settings: Settings, now: int, *, exceptions: bool) -> ActiveRules:
    """Return the rules that the box of a home runs at a moment (µs); with `exceptions` what the state says counts too.

    Where the state is not there, older or cannot be read, the rules are those without exceptions and stopped rules.
    """
    if exceptions and (home.state.is_file() or settings.state_url):
        engine = open_state(settings.database(home))
        try:
            return active_rules(home, settings, open_sessions(engine), moment=now)
        except SQLAlchemyError as error:
            log.warning("exceptions_not_read", reason=str(error)[:300])
        finally:
            engine.dispose()
    return active_rules(home, settings, moment=now, indicators=lists_of(home, settings, now))
