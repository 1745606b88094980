"""The rules in force, kept up to date for readers: the console, whatever asks from time to time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from .content import ActiveRules
from .watch import Mark

log = structlog.get_logger()
Load = Callable[[ActiveRules | None], ActiveRules]
"""From the rules so far, if any, to those of now."""


class Fresh:
    """Loads the rules at the first question; `look` loads them again when what they depend on has changed."""

    def __init__(self, load: Load, mark: Callable[[], Mark]) -> None:
        self._load, self._mark = load, mark
        self._lock = threading.Lock()
        self._rules: ActiveRules | None = None
        self._seen: Mark | None = None

    def __call__(self) -> ActiveRules:
        """Return the rules, at once where they were loaded before."""
        if self._rules is None:
            with self._lock:
                if self._rules is None:
                    self._seen, self._rules = self._mark(), self._load(None)
        return self._rules

    def look(self) -> bool:
        """Load again what has changed, if anybody has asked before; return whether. Failing keeps what is there."""
        with self._lock:
            if self._rules is None:
                return False
            seen = self._mark()
            if seen == self._seen:
                return False
            self._rules, self._seen = self._load(self._rules), seen
            return True
