"""What the rules in force can see and have done within some days: one answer for the console, the API and the CLI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session

from appliance.detect import EventClass, Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.resolve import resolve
from appliance.detect.routes import shipped_routes
from appliance.detect.visibility import (
    Judgement,
    Sight,
    State,
    Technique,
    coverage,
    judge,
    judge_correlations,
    layer,
    seen,
)
from appliance.language.catalogue import Catalogue, load
from appliance.ops.presence import Deeds, day_of, deeds_since, fired, had_since

#: The states in which a rule gets no data that it could match.
WITHOUT_DATA = (State.UNFED, State.SILENT, State.BLIND)


@dataclass(frozen=True, slots=True)
class Overview:
    """What rules do over the last `days` days, and what ATT&CK that covers.

    `sights` are those of rules and correlations by their ids, `deeds` those of rules.
    """

    days: int
    sights: Mapping[str, Sight]
    deeds: Mapping[str, Deeds]
    fired: frozenset[str]
    techniques: tuple[Technique, ...]

    def hits_a_day(self, rule: str) -> float:
        """Return the mean number of hits a day of a rule."""
        return self.deeds.get(rule, Deeds()).hits / self.days

    def cost(self, rule: str) -> float | None:
        """Return the mean nanoseconds that deciding one event took; None where nothing was measured."""
        deeds = self.deeds.get(rule, Deeds())
        return deeds.nanoseconds / deeds.evaluated if deeds.nanoseconds and deeds.evaluated else None

    def states(self) -> dict[State, int]:
        """Return how many rules and correlations are in each state."""
        counts = dict.fromkeys(State, 0)
        for sight in self.sights.values():
            counts[sight.state] += 1
        return counts


Fields = Mapping[EventClass, frozenset[str]]
"""What is asked of the events: the names of the fields of each class that came."""


def judged(ruleset: RuleSet, fields: Fields) -> list[Judgement]:
    """Return what follows for each rule and correlation from the fields that events had."""
    routes = shipped_routes()
    rules = judge(ruleset.rules, routes, fields)
    resolved = resolve(ruleset.rules, ruleset.correlations)
    return rules + judge_correlations(rules, resolved, routes, fields)


def overview(
    session: Session,
    ruleset: RuleSet,
    now: int,
    days: int,
    judged: Callable[[RuleSet, Fields], list[Judgement]] = judged,
) -> Overview:
    """Return the overview of a rule set at a moment (µs). `judged` may remember what it has found before."""
    since = day_of(now) - days + 1
    had = had_since(session, since)
    found = judged(ruleset, {kind: one.fields for kind, one in had.items()})
    sights = {sight.rule: sight for sight in seen(found, had)}
    lived = fired(session)
    content: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    sound = [one for one in content if one.id in sights]
    return Overview(days, sights, deeds_since(session, since), lived, tuple(coverage(sound, sights, lived)))


def navigator(view: Overview, language: str) -> dict[str, object]:
    """Return the overview's ATT&CK Navigator layer with texts in a language."""
    names = ("name", "description", "rules", "arriving", "fired")
    texts = _texts()
    return layer(view.techniques, {name: texts.text(f"coverage.layer.{name}", language, n=view.days) for name in names})


@cache
def _texts() -> Catalogue:
    return load(sorted((Path(__file__).parent / "catalogue").glob("*.yml")))
