"""The overview of the rules for pages and the API: looked up at most once a minute, rules judged when fields change."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from appliance.clock import MINUTE
from appliance.detect import RuleSet
from appliance.detect.visibility import Judgement
from appliance.ops.overview import Fields, Overview, judged, overview

if TYPE_CHECKING:
    from appliance.web.context import Context


@dataclass(slots=True)
class Vision:
    """The last overview, of which rules and minute it is, and what the rules were judged by."""

    _lock: Lock = field(default_factory=Lock)
    _rules: RuleSet | None = None
    _minute: int = 0
    _made: Overview | None = None
    _fields: Fields | None = None
    _judged: list[Judgement] = field(default_factory=list)

    def of(self, context: Context) -> Overview:
        """Return the overview of the rules in force."""
        ruleset, now = context.rules(), context.now()
        with self._lock:
            if self._made is None or ruleset is not self._rules or now // MINUTE != self._minute:
                with context.sessions() as session:
                    days = context.settings.rules.data_days
                    self._made = overview(session, ruleset, now, days, self._judge)
                self._rules, self._minute = ruleset, now // MINUTE
            return self._made

    def _judge(self, ruleset: RuleSet, fields: Fields) -> list[Judgement]:
        if ruleset is not self._rules or fields != self._fields:
            self._judged = judged(ruleset, fields)
            self._fields = fields
        return self._judged
