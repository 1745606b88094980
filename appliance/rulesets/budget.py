"""What each rule costs, and which one costs too much: time to decide it, as a share of one core over a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from appliance.ops.operations import record
from appliance.state.models import RuleStop

WINDOW = 60_000_000_000
"""Nanoseconds that a cost is measured over."""
LEAST = 20_000_000_000
"""Nanoseconds that must have passed before anything is said."""
SPENT = 1_000_000_000
"""Nanoseconds that a rule must have taken in that time: less is no trouble, whatever its share."""
EACH = 10
"""Rules stopped at one look, the costliest first."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long is measured (ns), from when on anything is said (ns), and what a rule must have taken (ns)."""

    window: int = WINDOW
    least: int = LEAST
    spent: int = SPENT


BOUNDS = Bounds()


@dataclass(slots=True)
class Meter:
    """Takes what each rule has cost so far, again and again; says which are past `share` (0 to 1; 0 is no bound)."""

    share: float
    bounds: Bounds = BOUNDS
    _before: deque[tuple[int, Mapping[str, int]]] = field(default_factory=deque)

    def look(self, now: int, spent: Mapping[str, int]) -> list[tuple[str, float]]:
        """Return the rules past their share, the costliest first, each with its share. Times in nanoseconds.

        `spent` only grows; where it does not, another engine counts anew, and so does the meter.
        """
        if self._before and any(spent.get(rule, 0) < cost for rule, cost in self._before[-1][1].items()):
            self._before.clear()
        self._before.append((now, dict(spent)))
        while len(self._before) > 1 and now - self._before[1][0] >= self.bounds.window:
            self._before.popleft()
        began, base = self._before[0]
        passed = now - began
        if not self.share or passed < self.bounds.least:
            return []
        costs = ((rule, cost - base.get(rule, 0)) for rule, cost in spent.items())
        over = [(rule, cost / passed) for rule, cost in costs if cost >= max(self.share * passed, self.bounds.spent)]
        return sorted(over, key=lambda one: -one[1])[:EACH]


def stop(session: Session, rule_id: str, share: float, now: int) -> None:
    """Stop a rule; the reload that follows leaves it out."""
    session.merge(RuleStop(rule_id=rule_id, at=now, share=share, resumed_at=None, resumed_by=""))
    record(session, "czujka", "rule.stopped", rule_id, now, share=round(share, 3))


def resume(session: Session, rule_id: str, who: str, now: int) -> bool:
    """Let a stopped rule work again; return whether it was stopped."""
    row = session.get(RuleStop, rule_id, with_for_update=True)
    if row is None or row.resumed_at is not None:
        return False
    row.resumed_at, row.resumed_by = now, who[:120]
    record(session, who, "rule.resumed", rule_id, now)
    return True
