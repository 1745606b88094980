"""The overview of the rules for pages and the API, made anew at most once a minute: it looks at every rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from appliance.clock import MINUTE
from appliance.ops.overview import Overview, overview

if TYPE_CHECKING:
    from appliance.web.context import Context


@dataclass(slots=True)
class Vision:
    """The last overview, and of which rules and minute it is."""

    _lock: Lock = field(default_factory=Lock)
    _key: tuple[int, int] | None = None
    _made: Overview | None = None

    def of(self, context: Context) -> Overview:
        """Return the overview of the rules in force."""
        ruleset, now = context.rules(), context.now()
        key = (id(ruleset), now // MINUTE)
        with self._lock:
            if self._made is None or key != self._key:
                with context.sessions() as session:
                    self._made = overview(session, ruleset, now, context.settings.rules.data_days)
                self._key = key
            return self._made
