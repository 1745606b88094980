"""Other rules without a pause: the next engine is made beside the stream and handed over between two steps."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from appliance.clock import SECOND
from appliance.detect import Engine
from appliance.detect.correlation.correlator import Correlator

from .content import ActiveRules
from .watch import Mark

AGAIN = 60 * SECOND
"""Microseconds after which a change that could not be followed is tried again."""
SWITCH_SECONDS = 0.0005
"""How soon the stream gets the interpreter back while an engine is made beside it (Python's default is 0.005)."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ready:
    """Rules that may come in force, an engine that has them, and a correlator that remembers nothing yet."""

    rules: ActiveRules
    engine: Engine
    correlator: Correlator


@dataclass(slots=True)
class Told:
    """What the reloading has done since the start; times in microseconds."""

    reloads: int = 0
    failures: int = 0
    loaded_at: int = 0
    refused: str = ""
    """Why the newest change is not in force; empty when it is."""


class Reloader:
    """Looks for changes in one thread, and gives what it made to another.

    `prepare` compiles in another process, `load` reads what was compiled, `build` makes an engine of it that knows
    the classes of events that the engine before has seen. `now` gives microseconds.
    """

    def __init__(
        self,
        current: Ready,
        *,
        mark: Callable[[], Mark],
        prepare: Callable[[], None],
        load: Callable[[ActiveRules], ActiveRules],
        build: Callable[[ActiveRules, Engine], Engine],
        now: Callable[[], int],
    ) -> None:
        self._mark, self._prepare, self._load, self._build, self._now = mark, prepare, load, build, now
        self._seen = mark()
        self._failed: Mark | None = None
        self._again = 0
        self._offered: Ready | None = None
        self._retired: list[Engine] = []
        self.current = current
        self.told = Told(loaded_at=now())

    def look(self) -> None:
        """Make the next engine if anything has changed since. Never raises: what fails keeps the rules in force."""
        self._bury()
        try:
            seen = self._mark()
            if self._offered is None and seen != self._seen and (seen != self._failed or self._now() >= self._again):
                # What fails now is tried again in a while, or when it changes.
                self._failed, self._again = seen, self._now() + AGAIN
                if seen.files != self._seen.files:
                    self._prepare()
                self._offered = self._made()
                self._seen, self._failed = seen, None
        except Exception as error:  # the rules in force stay, whatever it is; it is counted, logged and shown
            self.told.failures += 1
            self.told.refused = f"{type(error).__name__}: {error}"[:500]
            log.exception("rules_not_reloaded", kept=len(self.current.rules.rules))

    def _made(self) -> Ready:
        with _gently():
            rules = self._load(self.current.rules)
            if not rules.rules and self.current.rules.rules:
                raise ValueError("żadnej reguły nie da się użyć")
            return Ready(rules, self._build(rules, self.current.engine), Correlator(rules))

    def take(self) -> Ready | None:
        """Return what is ready, once. The caller uses it from its next step on."""
        ready = self._offered
        if ready is None:
            return None
        self._retired.append(self.current.engine)
        self.current, self._offered = ready, None
        self.told.reloads += 1
        self.told.loaded_at, self.told.refused = self._now(), ready.rules.refused
        for fault in ready.rules.faults:
            log.warning("rule_fault", file=str(fault.file), line=fault.line, message=fault.message)
        log.info("rules_reloaded", rules=len(ready.rules.rules), faults=len(ready.rules.faults))
        return ready

    def _bury(self) -> None:
        """Let engines go that are not used any more: here, not in the stream's thread."""
        while self._retired:
            self._retired.pop().close()


@contextmanager
def _gently() -> Iterator[None]:
    """Let the stream's thread run as soon as it wants to, and no collection of garbage go through all the rules."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()
