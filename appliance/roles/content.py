"""The rules of the box's processes: loaded at the start, watched, and changed while everything goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import now
from appliance.detect import Engine, load_plans
from appliance.detect.correlation.correlator import Correlator
from appliance.home import Home
from appliance.rulesets import ActiveRules, Why, active_rules
from appliance.rulesets.budget import BOUNDS, Bounds, Meter, stop
from appliance.rulesets.fresh import Fresh
from appliance.rulesets.prepare import prepare
from appliance.rulesets.reload import Ready, Reloader
from appliance.rulesets.watch import FilesWatch, Mark, state_mark
from appliance.settings import Settings
from appliance.state.database import writing

LOOK_SECONDS = 1.0
METER_SECONDS = 5.0
log = structlog.get_logger()


def mark(home: Home, settings: Settings, sessions: sessionmaker[Session]) -> Callable[[], Mark]:
    """Return what gives a value that changes when the rules in force may have."""
    files = FilesWatch(home, settings)
    return lambda: Mark(files(), state_mark(sessions, now()))


def reloader(home: Home, settings: Settings, sessions: sessionmaker[Session]) -> Reloader:
    """Load the rules and return what keeps them up to date; every fault is logged."""
    rules = active_rules(home, settings, sessions)
    for fault in rules.faults:
        log.warning("rule_fault", file=str(fault.file), line=fault.line, message=fault.message)
    log.info("rules_loaded", rules=len(rules.rules), faults=len(rules.faults))
    return Reloader(
        Ready(rules, Engine(rules, plans=load_plans(home.cache)), Correlator(rules)),
        mark=mark(home, settings, sessions),
        prepare=lambda: prepare(home),
        load=lambda before: active_rules(home, settings, sessions, before),
        build=_engine,
        now=now,
    )


def _engine(rules: ActiveRules, before: Engine) -> Engine:
    """Return an engine of other rules that is ready for the classes of events that the one before has seen."""
    engine = Engine(rules, plans=before.plans)
    engine.warm(before.kinds())
    return engine


def fresh(home: Home, settings: Settings, sessions: sessionmaker[Session]) -> Fresh:
    """Return the rules for readers."""
    return Fresh(lambda before: active_rules(home, settings, sessions, before), mark(home, settings, sessions))


class Watchman:
    """Stops rules that cost too much."""

    def __init__(
        self, source: Reloader, sessions: sessionmaker[Session], share: float, bounds: Bounds = BOUNDS
    ) -> None:
        self._source, self._sessions = source, sessions
        self._meter = Meter(share, bounds)

    def look(self) -> None:
        """Measure, and stop what is past its share. Raises SQLAlchemyError."""
        # The stream's thread adds rules to the table meanwhile; a list of it is made in one step.
        stats = list(self._source.current.engine.stats.items())
        spent = {rule: one.nanoseconds for rule, one in stats}
        for rule, share in self._meter.look(time.monotonic_ns(), spent):
            log.warning("rule_stopped", rule=rule, share=round(share, 3), reason="za droga")
            with writing(self._sessions) as session:
                stop(session, rule, share, now())


def told(source: Reloader) -> Mapping[str, Any]:
    """Return what the heartbeat tells of the rules."""
    rules, said = source.current.rules, source.told
    return {
        "rules": len(rules.rules),
        "rule_faults": len(rules.faults),
        "rules_stopped": sum(1 for one in rules.listed if one.off and one.off.why is Why.COSTLY),
        "rules_loaded_at": said.loaded_at,
        "rules_reloaded": said.reloads,
        "rules_failed": said.failures,
        "rules_refused": said.refused or rules.refused,
    }
