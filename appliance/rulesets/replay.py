"""What an exception would have hidden: the stored events of its rules' sources through them with it and without."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.clock import DAY
from appliance.detect import Engine, RuleSet
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

from .conditions import Condition, How, by_line
from .exceptions import Proposal
from .filters import narrowed

PAGE = 1000
_Alert = tuple[str, list[Event | None]]
"""The id of an alert's rule, and its events; None for one that is not kept."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a replay looks: days back, events, seconds; and how many hidden events and rules it lists."""

    days: int = 30
    events: int = 200_000
    seconds: float = 10.0
    listed: int = 20
    alert_events: int = 5000
    rules: int = 100


@dataclass(slots=True)
class Share:
    """What an exception would have hidden of one rule: events, and alerts out of all that it had."""

    id: str
    title: str
    hidden: int = 0
    alerts: int = 0
    alerts_of_rule: int = 0


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
    """Alerts of the rules, all of whose kept events it would have hidden."""
    alerts_of_rule: int = 0
    together: int = 0
    """Alerts of correlations that the rules serve, whose kept events would not have correlated."""
    together_of_rule: int = 0
    rules: list[Share] = field(default_factory=list)
    """What it would have hidden of each rule; of every rule of a log source, of those alone of which it would."""

    def dump(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


class Judge:
    """Says of an event for which rules the exception hides it: they find it, and with the exception do not."""

    def __init__(self, proposal: Proposal) -> None:
        self._filter = {"exception": proposal.text}
        rules = RuleSet(list(proposal.rules), [])
        self._without = Engine(rules)
        self._with = Engine(self.over(rules))

    def over(self, ruleset: RuleSet) -> RuleSet:
        """Return rules and correlations as they would be with the exception."""
        return replace(ruleset, rules=narrowed(ruleset.rules, self._filter)[0])

    def __call__(self, event: Event) -> set[str]:
        """Return the ids of the rules that would no longer find the event."""
        found = {rule.id for rule in self._without.match(event)}
        return found - {rule.id for rule in self._with.match(event)} if found else found


def replay(
    store: Store,
    session: Session,
    proposal: Proposal,
    now: int,
    bounds: Bounds = Bounds(),
    *,
    ruleset: RuleSet,
) -> Replay:
    """Look through the last days; `ruleset` has the correlations that the rules may serve.

    The store's silence makes it not whole, never a failure.
    """
    made = Replay(now - bounds.days * DAY, now)
    judge = Judge(proposal)
    shares = {rule.id: Share(rule.id, rule.title) for rule in proposal.rules}
    for event in _events(store, _question(proposal), made, bounds):
        made.looked += 1
        if hidden := judge(event):
            made.hidden += 1
            for name in hidden:
                shares[name].hidden += 1
            if len(made.events) < bounds.listed:
                made.events.append(_shown(event))
    _alerts(session, shares, judge, made, bounds)
    _correlations(session, resting_on(ruleset, shares.keys()), judge, made, bounds)
    named = proposal.source is None
    worst = sorted(shares.values(), key=lambda one: (-one.alerts, -one.hidden))
    made.rules = [one for one in worst if named or one.hidden or one.alerts][: bounds.rules]
    return made


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


def _question(proposal: Proposal) -> Node | None:
    """Return a question that every event answers which the exception may hide; None when no source feeds the rules."""
    sources = dict.fromkeys(rule.logsource for rule in proposal.rules)
    feeds = {of_feed(feed): None for source in sources for feed in shipped_routes().feeds(source)}
    if not feeds:
        return None
    texts = [
        Or(tuple(Leaf((), Pattern((fold(one.value),), True)) for one in alike))
        for alike in by_line(proposal.conditions).values()
        if all(map(_searchable, alike))
    ]
    return And((Or(tuple(feeds)), *texts)) if texts else Or(tuple(feeds))


def _searchable(one: Condition) -> bool:
    """Say whether a value is plain text to rule and store alike: no number, address, expression; letters of ASCII."""
    plain = one.how not in {How.NETWORK, How.REGEX} and one.value.isascii() and one.value.isprintable()
    return plain and sum(map(str.isalpha, one.value)) >= 3 and one.value.lower() not in {"true", "false"}


def _alerts(session: Session, shares: Mapping[str, Share], judge: Judge, made: Replay, bounds: Bounds) -> None:
    for rule_id, events in _kept(session, list(shares), made.since, bounds).values():
        gone = all(event is not None and rule_id in judge(event) for event in events)
        shares[rule_id].alerts_of_rule += 1
        shares[rule_id].alerts += gone
    made.alerts_of_rule = sum(one.alerts_of_rule for one in shares.values())
    made.alerts = sum(one.alerts for one in shares.values())


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
    """Count the alerts of correlations that rest on the rules, and those that the exception would have kept away."""
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


def resting_on(ruleset: RuleSet, rules: Collection[str]) -> dict[str, RuleSet]:
    """Return the correlations that stand on some of these rules, by id, each with what it refers to."""
    found = {one.id: narrow(ruleset, one) for one in ruleset.correlations}
    return {name: alone for name, alone in found.items() if any(rule.id in rules for rule in alone.rules)}


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
