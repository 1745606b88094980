"""Hunts and plans as their pages show them, and the rules that the form offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from appliance.detect import Rule
from appliance.detect.visibility import TACTICS
from appliance.hunt import asked
from appliance.hunt.plans import Course
from appliance.state.hunts import HuntRun, HuntState

KIND = {
    HuntState.WAITING: "off",
    HuntState.RUNNING: "ok",
    HuntState.DONE: "ok",
    HuntState.STOPPED: "late",
    HuntState.FAILED: "bad",
}
"""The state's mark."""
MARGIN = 60_000_000
"""Microseconds after which a hunt of a plan counts as late: the box looks for due plans once a minute."""


@dataclass(frozen=True, slots=True)
class HuntRow:
    """One hunt; times in microseconds, `percent` of its range is done."""

    id: int
    name: str
    state: str
    kind: str
    origin: str
    asked_by: str
    asked_at: int
    since: int
    until: int
    rules: int
    hits: int
    alerts: int
    percent: int
    over: bool
    stopping: bool
    """Somebody has asked it to end, and it has not yet."""


def hunt_row(row: HuntRun, alerts: int) -> HuntRow:
    """Return the line of a hunt that has made so many alerts."""
    state = HuntState(row.state)
    over = state not in {HuntState.WAITING, HuntState.RUNNING}
    return HuntRow(
        row.id,
        row.name,
        state.value,
        KIND[state],
        str(row.origin),
        row.asked_by,
        row.asked_at,
        row.since,
        row.until,
        row.rule_count,
        row.hits,
        alerts,
        int(asked.progress(row) * 100),
        over,
        not over and bool(row.stopped_by),
    )


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One plan; times in microseconds. `day` is a key under `hunts.day.`, `overdue` says that its time has passed."""

    id: int
    name: str
    rules: int
    """0 is all."""
    hosts: tuple[str, ...]
    day: str
    hour: int
    asked_by: str
    next_at: int
    overdue: bool
    last: HuntRow | None
    late_us: int
    missed: int
    gaps: tuple[tuple[int, int, int], ...]


def plan_row(one: Course, alerts: Mapping[int, int], now: int) -> PlanRow:
    """Return the line of a plan."""
    plan, last = one.plan, one.last
    late = one.late_us or 0
    return PlanRow(
        plan.id,
        plan.name,
        len(plan.rules),
        tuple(plan.hosts),
        "every" if plan.weekday is None else str(plan.weekday),
        plan.hour,
        plan.asked_by,
        one.next_at,
        one.next_at + MARGIN < now,
        hunt_row(last, alerts.get(last.id, 0)) if last else None,
        late if late > MARGIN else 0,
        one.missed,
        one.gaps,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rules the form offers; an empty part asks for all."""

    text: str = ""
    level: str = ""
    tactic: str = ""
    changed: str = ""
    """An ISO date."""

    @property
    def address(self) -> str:
        """The query string of this choice."""
        return urlencode({name: value for name, value in self.fields.items() if value})

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the form by their names in the address."""
        return {"tekst": self.text, "poziom": self.level, "cel": self.tactic, "zmienione": self.changed}

    def of(self, rules: Iterable[Rule], titles: Mapping[str, str], changed: frozenset[str] | None) -> list[Rule]:
        """Return the rules of this choice, the gravest first; `changed` are the ids that its date allows."""
        low, tag = self.text.casefold(), f"attack.{self.tactic}"
        found = [
            rule
            for rule in rules
            if (not low or low in f"{titles.get(rule.id, '')} {rule.title} {rule.id} {rule.logsource}".casefold())
            and (not self.level or rule.level >= int(self.level))
            and (not self.tactic or tag in {one.replace("_", "-") for one in rule.tags})
            and (changed is None or rule.id in changed)
        ]
        return sorted(found, key=lambda rule: (-rule.level, titles.get(rule.id, rule.title), rule.id))


def choice_of(values: Mapping[str, object]) -> Choice:
    """Read a choice from an address or a form; what is not known counts as not said."""
    text, level, tactic, changed = (str(values.get(name, ""))[:200].strip() for name in Choice().fields)
    return Choice(
        text,
        level if level in {"1", "2", "3", "4"} else "",
        tactic if tactic in TACTICS else "",
        changed if _is_day(changed) else "",
    )


def _is_day(text: str) -> bool:
    try:
        return 1970 <= date.fromisoformat(text).year < 9999
    except ValueError:
        return False
