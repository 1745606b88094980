"""What an exception would have hidden: the stored events of its rule's sources through the rule with it and without."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.clock import DAY
from appliance.detect import Engine, Rule, RuleSet
from appliance.detect.correlation.reading import correlate
from appliance.detect.correlation.reading import narrowed as narrow
from appliance.detect.routes import shipped_routes
from appliance.detect.values import thaw
from appliance.hunt.question import of_feed
from appliance.normalise import Event
from appliance.search import Node
from appliance.search.fold import fold
from appliance.search.nodes import And, Leaf, Or, Pattern
from appliance.state.models import Alert, AlertEvent
from appliance.store import QueryTimeout, Store, StoreUnavailable

from .conditions import Condition, How, by_line, document
from .exceptions import Proposal, logsource_of
from .filters import narrowed

PAGE = 1000
_Alert = tuple[str, list[Event | None]]
"""The id of an alert's rule, and its events; None for one that is not kept."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a replay looks: days back, events, seconds; and how many hidden events it lists."""

    days: int = 30
    events: int = 200_000
    seconds: float = 10.0
    listed: int = 20
    alert_events: int = 5000


@dataclass(slots=True)
class Replay:
    """What a replay found; `whole` says whether it got through everything. Times in microseconds."""

    since: int
    until: int
    hidden: int = 0
    looked: int = 0
    whole: bool = True
    events: list[dict[str, Any]] = field(default_factory=list)
    """The newest hidden events: id, at, host, user, process."""
    alerts: int = 0
    """Alerts of the rule, all of whose kept events it would have hidden."""
    alerts_of_rule: int = 0
    together: int = 0
    """Alerts of correlations that the rule serves, whose kept events would not have correlated."""
    together_of_rule: int = 0

    def dump(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


class Judge:
    """Says of an event whether the exception hides it: the rule finds it, and with the exception does not."""

    def __init__(self, rule: Rule, text: str) -> None:
        self._filter = {"exception": text}
        self._without = Engine(RuleSet([rule], []))
        self._with = Engine(self.over(RuleSet([rule], [])))

    def over(self, ruleset: RuleSet) -> RuleSet:
        """Return rules and correlations as they would be with the exception."""
        return replace(ruleset, rules=narrowed(ruleset.rules, self._filter)[0])

    def __call__(self, event: Event) -> bool:
        """Say whether the event would be hidden."""
        return bool(self._without.match(event)) and not self._with.match(event)


def replay(
    store: Store,
    session: Session,
    proposal: Proposal,
    now: int,
    bounds: Bounds = Bounds(),
    *,
    ruleset: RuleSet,
) -> Replay:
    """Look through the last days; `ruleset` has the correlations that the rule may serve.

    The store's silence makes it not whole, never a failure.
    """
    made = Replay(now - bounds.days * DAY, now)
    rule = proposal.rule
    judge = Judge(rule, draft_text(proposal))
    for event in _events(store, _question(rule, proposal.conditions), made, bounds):
        made.looked += 1
        if judge(event):
            made.hidden += 1
            if len(made.events) < bounds.listed:
                made.events.append(_shown(event))
    _alerts(session, rule.id, judge, made, bounds)
    _correlations(session, resting_on(ruleset, rule.id), judge, made, bounds)
    return made


def draft_text(proposal: Proposal) -> str:
    """Return a proposal as the text of a Sigma filter."""
    return document(
        identity=str(uuid.uuid5(uuid.NAMESPACE_OID, proposal.rule.id)),
        title=proposal.rule.title,
        description=proposal.reason,
        author="",
        rule_id=proposal.rule.id,
        logsource=logsource_of(proposal.rule.logsource),
        conditions=proposal.conditions,
    )


def _events(store: Store, question: Node | None, made: Replay, bounds: Bounds) -> Iterator[Event]:
    if question is None:
        return
    until, after = time.monotonic() + bounds.seconds, None
    try:
        while True:
            page = store.search(question, made.since, made.until, PAGE, after)
            yield from page.events
            after = page.next
            if after is None:
                return
            if made.looked >= bounds.events or time.monotonic() >= until:
                made.whole = False
                return
    except (QueryTimeout, StoreUnavailable):
        made.whole = False


def _question(rule: Rule, conditions: Iterable[Condition]) -> Node | None:
    """Return a question that every event answers which the exception may hide; None when no source feeds the rule."""
    feeds = shipped_routes().feeds(rule.logsource)
    if not feeds:
        return None
    texts = [
        Or(tuple(Leaf((), Pattern((fold(one.value),), True)) for one in alike))
        for alike in by_line(conditions).values()
        if all(map(_searchable, alike))
    ]
    return And((Or(tuple(map(of_feed, feeds))), *texts)) if texts else Or(tuple(map(of_feed, feeds)))


def _searchable(one: Condition) -> bool:
    """Say whether a value is plain text to rule and store alike: no number, no address, letters of ASCII alone."""
    plain = one.how is not How.NETWORK and one.value.isascii() and one.value.isprintable()
    return plain and sum(map(str.isalpha, one.value)) >= 3 and one.value.lower() not in {"true", "false"}


def _alerts(session: Session, rule_id: str, judge: Judge, made: Replay, bounds: Bounds) -> None:
    kept = _kept(session, [rule_id], made.since, bounds)
    made.alerts_of_rule = len(kept)
    made.alerts = sum(all(event is not None and judge(event) for event in events) for _, events in kept.values())


def _kept(session: Session, ids: Sequence[str], since: int, bounds: Bounds) -> dict[int, _Alert]:
    """Return the newest alerts of rules, by number."""
    rows = session.execute(
        select(AlertEvent.alert_id, Alert.rule_id, AlertEvent.event)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(Alert.rule_id.in_(ids), Alert.created_at >= since)
        .order_by(AlertEvent.alert_id.desc())
        .limit(bounds.alert_events)
    )
    found: dict[int, _Alert] = {}
    for number, rule_id, event in rows:
        found.setdefault(number, (rule_id, []))[1].append(thaw(event) if event else None)
    return found


def _correlations(session: Session, served: Mapping[str, RuleSet], judge: Judge, made: Replay, bounds: Bounds) -> None:
    """Count the alerts of correlations that rest on the rule, and those that the exception would have kept away."""
    until = time.monotonic() + bounds.seconds
    for rule_id, events in _kept(session, list(served), made.since, bounds).values() if served else ():
        if time.monotonic() >= until:
            made.whole = False
            return
        made.together_of_rule += 1
        # Of events past what an alert keeps nobody can say it.
        there = [event for event in events if event is not None]
        held = len(there) == len(events) and _holds(served[rule_id], rule_id, there)
        made.together += held and not _holds(judge.over(served[rule_id]), rule_id, there)


def _holds(ruleset: RuleSet, identity: str, events: Sequence[Event]) -> bool:
    return any(match.correlation.id == identity for match in correlate(ruleset, events))


def resting_on(ruleset: RuleSet, rule_id: str) -> dict[str, RuleSet]:
    """Return the correlations that stand on a rule, by id, each with what it refers to."""
    found = {one.id: narrow(ruleset, one) for one in ruleset.correlations}
    return {name: alone for name, alone in found.items() if any(rule.id == rule_id for rule in alone.rules)}


def _shown(event: Event) -> dict[str, Any]:
    def text(*keys: str) -> str:
        return next((str(event[key])[:200] for key in keys if event.get(key) not in {None, ""}), "")

    return {
        "id": event["event.id"],
        "at": event["@timestamp"],
        "host": text("host.name"),
        "user": text("user.name"),
        "process": text("process.command_line", "process.executable", "process.name", "message"),
    }
