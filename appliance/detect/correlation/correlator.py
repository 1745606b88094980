"""Hits of rules in, matches of correlations out.

Time is the events' own. A match is an event at which the condition holds over the window that ends with it, so the
matches are a property of the set of events and not of the order in which they arrive: a late event is put where it
belongs and the windows that it falls into are judged again. Conditions that more events can only confirm are judged
at once, so nothing waits; the others wait until nothing earlier is to be expected (see `plan.Mode`).

A hit that arrives later than a group remembers (a laptop that was away for a week) is correlated with what the same
sender brings of that time, in a lane of its own, so that it neither disturbs the present nor needs a week of memory.

Ids are hashes of the correlation, the group and the event that completed it. Whatever is offered again gives the
same ids, and whoever takes them is idempotent on them. Not safe for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from appliance.detect.engine import field_names
from appliance.detect.model import Rule, RuleSet
from appliance.detect.resolve import ResolverFactory
from appliance.detect.routes import Routes, shipped_routes
from appliance.detect.values import Event

from .entry import name
from .fields import FieldKeys
from .hits import Hits, Offer, Seen
from .judge import Judge
from .match import Match
from .plan import Plan, make_plan
from .resolve import resolve
from .state import LANE, MAX_ENTRIES, MAX_GROUPS, Kept, Memory

SECOND = 1_000_000
#: Microseconds that an event may arrive after its time and still be in order.
LATENESS = 60 * SECOND
#: Lateness of a reading in which all events are there: files, tests.
FOREVER = 1 << 60
#: Senders whose newest time is remembered.
_SOURCES = 10_000
#: Entries of correlations that are no more that are freed at a time: about a millisecond.
_RELEASED = 4000
#: A clock that goes back further than this was wrong before.
_STEP_BACK = LATENESS


class Correlator:
    """All correlations of a rule set at work. `lateness` is in microseconds."""

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        lateness: int = LATENESS,
        routes: Routes | None = None,
        resolver_factory: ResolverFactory = field_names,
        bounds: tuple[int, int] = (MAX_GROUPS, MAX_ENTRIES),
    ) -> None:
        self.ruleset = ruleset
        resolved = resolve(ruleset.rules, ruleset.correlations)
        self.faults = resolved.faults
        """Correlations that cannot work, because something that they refer to is switched off."""
        self.plan: Plan = make_plan(resolved, lateness)
        self.seen = Seen()
        self.memory = Memory(self.plan.nodes, *bounds)
        self._lateness = lateness
        self._keys = FieldKeys(routes or shipped_routes(), resolver_factory)
        self._hits = Hits(self.plan.uses, self._keys, self.seen)
        self._judge = Judge(self.plan, self.memory, self._hits)

    @property
    def kept(self) -> Kept:
        """What is remembered and what had to be given up."""
        return self.memory.kept

    def reader(self) -> Hits:
        """What reads hits for this correlator, for whoever works beside it."""
        return Hits(self.plan.uses, self._keys, Seen())

    def silent(self, identity: str) -> bool:
        """Whether a rule or correlation gives no alerts of its own, because it only serves correlations."""
        return identity in self.plan.silent

    def sender(self, source: str, newest: int, arrival: int) -> None:
        """Say that a sender's batch arrived, with the time of its newest event: its watermark."""
        sources = self._judge.sources
        known = sources.pop(source, (newest, arrival))
        sources[source] = max(known[0], min(newest, arrival)), arrival
        if len(sources) > _SOURCES:
            del sources[next(iter(sources))]

    def offer(self, event: Event, rules: Sequence[Rule]) -> list[Match]:
        """Take the rules that an event matched; return the matches that it brings about (see `Hits.read`)."""
        offer = self._hits.read(event, rules)
        return [] if offer is None else self.take(offer)

    def take(self, offer: Offer) -> list[Match]:
        """Take what was read of an event; return the matches that it brings about."""
        identity, time, given, source, places = offer
        arrival = time if given is None or self._lateness == FOREVER else given
        age = arrival - time
        if age < 0:  # a future clock is not believed
            time, age = arrival, 0
            self.seen.clamped += 1
        elif age > self._lateness and time < self._judge.sources.get(source, (time, 0))[0] - self._lateness:
            self.seen.late += 1
        called, nodes, judge = name(time, identity), self.plan.nodes, self._judge
        for number, key, end in places:
            node = nodes[number]
            judge.insert(node, key + LANE + source if age > node.prompt else key, time, called + end, arrival, source)
        return judge.taken() if judge.out else []

    def advance(self, now: int) -> list[Match]:
        """Let time pass: judge what nothing earlier can reach any more, forget what has expired.

        `now` is a time of arrival: everything that arrived before it must have been offered.
        """
        judge = self._judge
        if now > judge.now or judge.now - now > _STEP_BACK:
            judge.now = now
        judge.settle(judge.now - 1)
        for node in self.plan.nodes:
            self.memory.forget(node, judge.now, 1000)
        self.memory.release(_RELEASED)
        return judge.taken()

    def finish(self) -> list[Match]:
        """Judge everything that still waits: there will be no more events."""
        self._judge.settle(FOREVER**2)
        return self._judge.taken()

    def load(self, rows: Iterable[tuple[str, str, bytes, int]]) -> int:
        """Take over saved groups; return how many belong to no correlation as it now is.

        Raises ValueError for what is no group.
        """
        strange = self.memory.load(rows)
        self._judge.set_timers()
        return strange

    def adopt(self, other: Correlator) -> None:
        """Take over what another one remembers of correlations that are the same in both; the other is spent.

        Both have the same lateness.
        """
        self.memory.adopt(other.memory)
        self.seen = self._hits.seen = other.seen
        judge, before = self._judge, other._judge
        judge.sources, judge.now, judge.out = before.sources, before.now, before.out
