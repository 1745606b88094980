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

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

import orjson

from appliance.detect.engine import field_names
from appliance.detect.model import Rule, RuleSet
from appliance.detect.resolve import ResolverFactory
from appliance.detect.routes import Routes, shipped_routes
from appliance.detect.values import Event

from .entry import FIRED, FLAGS, SUFFIX, TOLD, flagged, mask_of, name, prefix, tail, time_of
from .fields import GAP, FieldKeys
from .hits import Hits, Offer, Seen
from .model import Correlation
from .plan import Group, Mode, Node, Plan, make_plan
from .resolve import resolve
from .state import LANE, MAX_ENTRIES, MAX_GROUPS, Kept, Memory

SECOND = 1_000_000
#: Microseconds that an event may arrive after its time and still be in order.
LATENESS = 60 * SECOND
#: Lateness of a reading in which all events are there: files, tests.
FOREVER = 1 << 60
#: Events that one match names; the newest.
EVIDENCE = 200
#: Senders whose newest time is remembered.
_SOURCES = 10_000
#: A clock that goes back further than this was wrong before.
_STEP_BACK = LATENESS


@dataclass(frozen=True, slots=True)
class Match:
    """A correlation's condition held for a group at the time `at` of an event.

    `group` are the values of group-by, without case. `evidence` has (time, id) of events that no earlier match of
    the group named; a match may come again with further evidence. `size` counts the hits in the window.
    """

    id: str
    correlation: Correlation
    group: tuple[str, ...]
    at: int
    first: int
    size: int
    evidence: tuple[tuple[int, str], ...]
    late: bool


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
        self.sources: dict[str, tuple[int, int]] = {}
        self._lateness = lateness
        self._hits = Hits(self.plan.uses, FieldKeys(routes or shipped_routes(), resolver_factory), self.seen)
        self._now = -FOREVER
        self._timers: list[tuple[int, int, Node, str]] = []
        self._number = count()
        self._out: list[Match] = []

    @property
    def kept(self) -> Kept:
        """What is remembered and what had to be given up."""
        return self.memory.kept

    def silent(self, identity: str) -> bool:
        """Whether a rule or correlation gives no alerts of its own, because it only serves correlations."""
        return identity in self.plan.silent

    def sender(self, source: str, newest: int, arrival: int) -> None:
        """Say that a sender's batch arrived, with the time of its newest event: its watermark."""
        known = self.sources.pop(source, (newest, arrival))
        self.sources[source] = max(known[0], min(newest, arrival)), arrival
        if len(self.sources) > _SOURCES:
            del self.sources[next(iter(self.sources))]

    def offer(self, event: Event, rules: Sequence[Rule]) -> list[Match]:
        """Take the rules that an event matched; return the matches that it brings about (see `Hits.read`)."""
        offer = self._hits.read(event, rules)
        return [] if offer is None else self.take(offer)

    def take(self, offer: Offer) -> list[Match]:
        """Take what was read of an event; return the matches that it brings about."""
        source, nodes = offer.source, self.plan.nodes
        time, arrival = self._times(offer)
        called = name(time, offer.identity)
        for number, key, end in offer.places:
            node = nodes[number]
            late = arrival - time > node.span + node.lateness
            self._insert(node, key + LANE + source if late else key, called + end, arrival, source)
        return self._taken() if self._out else []

    def advance(self, now: int) -> list[Match]:
        """Let time pass: judge what nothing earlier can reach any more, forget what has expired.

        `now` is a time of arrival: everything that arrived before it must have been offered.
        """
        if now > self._now or self._now - now > _STEP_BACK:
            self._now = now
        self._settle_due(self._now - 1)
        for node in self.plan.nodes:
            self.memory.forget(node, self._now, 1000)
        return self._taken()

    def finish(self) -> list[Match]:
        """Judge everything that still waits: there will be no more events."""
        self._settle_due(FOREVER**2)
        return self._taken()

    def load(self, rows: Iterable[tuple[str, str, bytes, int]]) -> int:
        """Take over saved groups; return how many belong to no correlation as it now is."""
        strange = self.memory.load(rows)
        self._set_timers()
        return strange

    def adopt(self, other: Correlator) -> None:
        """Take over what another one remembers of correlations that are the same in both; the other is spent."""
        self.memory.adopt(other.memory)
        self.seen, self.sources = other.seen, other.sources
        self._hits.seen, self._now = self.seen, other._now
        self._set_timers()

    def _set_timers(self) -> None:
        for node in self.plan.nodes:
            if node.mode is not Mode.AT_ONCE:
                for key, group in node.groups.items():
                    self._wait_for(node, key, group)

    def _taken(self) -> list[Match]:
        out, self._out = self._out, []
        return out

    def _times(self, offer: Offer) -> tuple[int, int]:
        """When it happened and when it arrived; a future clock is not believed."""
        time, given = offer.time, offer.ingested
        arrival = given if given is not None and self._lateness < FOREVER else time
        if time > arrival:
            time = arrival
            self.seen.clamped += 1
        if arrival - time > self._lateness and time < self.sources.get(offer.source, (time, 0))[0] - self._lateness:
            self.seen.late += 1
        return time, arrival

    def _insert(self, node: Node, key: str, entry: bytes, arrival: int, source: str) -> None:
        group = node.groups.get(key)
        if group is None:
            group = self.memory.new_group(node, key, entry, self._now)
            group.touched, group.source = arrival, source
            self._look(node, key, group, entry, newest=True)
            return
        node.groups.move_to_end(key)
        if time_of(entry) <= group.closed:
            self.seen.missed += 1
            if node.mode is Mode.CLOSED:
                return
        newest = self.memory.add(node, key, group, entry, self._now)
        group.touched, group.source = arrival, source
        if newest is not None:
            self._look(node, key, group, entry, newest=newest)

    def _look(self, node: Node, key: str, group: Group, entry: bytes, *, newest: bool) -> None:
        """See what a new entry brings about."""
        if node.mode is not Mode.AT_ONCE:
            if key not in node.waiting:
                self._wait_for(node, key, group)
        elif _possible(node, group, entry, newest=newest):
            if newest:
                self._judge_at(node, key, group, len(group.entries) - 1, newest=True)
            else:
                self._judge_again(node, key, group, time_of(entry))

    def _judge_again(self, node: Node, key: str, group: Group, time: int) -> None:
        """Judge every window that a late entry at `time` falls into."""
        entries = group.entries
        for place in range(bisect_left(entries, prefix(time)), bisect_left(entries, prefix(time + node.span + 1))):
            self._judge_at(node, key, group, place)

    def _judge_at(self, node: Node, key: str, group: Group, place: int, *, newest: bool = False) -> None:
        """Judge the window that ends with the entry at a place."""
        entries = group.entries
        anchor = entries[place]
        at = time_of(anchor)
        low = bisect_left(entries, prefix(at - node.span))
        high = len(entries) if newest else bisect_left(entries, prefix(at + 1))
        if anchor[FLAGS] & FIRED or node.decision(entries, low, high, anchor):
            self._fire(node, key, group, _Window(low, high, place, newest))

    def _settle_due(self, moment: int) -> None:
        while self._timers and self._timers[0][0] <= moment:
            _, _, node, key = heapq.heappop(self._timers)
            node.waiting.discard(key)
            group = node.groups.get(key)
            if group is not None and not self._wait_for(node, key, group, moment):
                self._settle(node, key, group, moment)

    def _wait_for(self, node: Node, key: str, group: Group, moment: int = -FOREVER) -> bool:
        """Set a timer for the next window of a group that is still to be judged, unless it is due."""
        start = bisect_left(group.entries, prefix(group.closed + 1))
        if start == len(group.entries):
            return True
        due = self._due(node, key, group, time_of(group.entries[start]))
        if due <= moment:
            return False
        node.waiting.add(key)
        heapq.heappush(self._timers, (due, next(self._number), node, key))
        return True

    def _due(self, node: Node, key: str, group: Group, time: int) -> int:
        """When nothing more can come for the window that `time` opens, or, settled, ends.

        A lane's own clock is its sender's: it is over when the sender has gone past it, or is silent.
        """
        end = time + node.lateness + (node.span if node.mode is Mode.CLOSED else 0)
        if LANE not in key:
            return end
        watermark, arrival = self.sources.get(group.source, (end, 0))
        return max(group.touched, arrival if watermark < end else 0) + node.lateness

    def _settle(self, node: Node, key: str, group: Group, moment: int) -> None:
        """Judge the windows of a group that are complete, one after the other."""
        while not self._wait_for(node, key, group, moment):
            entries = group.entries
            place = bisect_left(entries, prefix(group.closed + 1))
            time = time_of(entries[place])
            if node.mode is Mode.SETTLED:
                high = bisect_left(entries, prefix(time + 1))
                for each in range(place, high):
                    self._judge_at(node, key, group, each)
                group.closed = time
            else:
                group.closed = time + node.span
                high = bisect_left(entries, prefix(group.closed + 1))
                if node.decision(entries, place, high, entries[high - 1]):
                    self._fire(node, key, group, _Window(place, high, high - 1))
            self.memory.dirty.add((node.digest, key))
        if node.mode is Mode.CLOSED and not node.parents:
            self.memory.remove(node, key, group, bisect_left(group.entries, prefix(group.closed + 1)))

    def _fire(self, node: Node, key: str, group: Group, window: _Window) -> None:
        """The condition holds: tell it, and pass it on to the correlations above."""
        entries = group.entries
        anchor = entries[window.place]
        fresh = _tell(entries, window)
        if fresh or not anchor[FLAGS] & FIRED:
            self.memory.dirty.add((node.digest, key))
            match = self._match(node, key, entries, window, fresh)
            if not node.silent:
                self._out.append(match)
            if not anchor[FLAGS] & FIRED:
                self.seen.matches += 1
                entries[window.place] = flagged(entries[window.place], FIRED)
                for parent, place in node.parents:
                    self._pass_on(node, key, group, anchor, match, parent, place)

    def _match(self, node: Node, key: str, entries: Sequence[bytes], window: _Window, fresh: Iterable[bytes]) -> Match:
        one = node.correlation
        anchor = entries[window.place]
        values, lane, _ = key.partition(LANE)
        told = {} if node.silent else {event: None for entry in fresh for event in self._events(node, entry)}
        return Match(
            id=_identity(one.id, values, anchor),
            correlation=one,
            group=tuple(values.split(GAP)) if one.group_by else (),
            at=time_of(anchor),
            first=time_of(entries[window.low]),
            size=window.high - window.low,
            evidence=tuple(sorted(told)[-EVIDENCE:]),
            late=bool(lane),
        )

    def _events(self, node: Node, entry: bytes) -> Iterator[tuple[int, str]]:
        """The events behind an entry: its own, or those of the match that it stands for."""
        mask = mask_of(entry)
        place = (mask & -mask).bit_length() - 1
        target = node.targets[place]
        if isinstance(target, Rule):
            yield time_of(entry), entry[8:24].hex()
            return
        child = next(one for one in self.plan.nodes if one.correlation is target)
        group = child.groups.get(str(orjson.loads(entry[SUFFIX:])[-1]))
        if group is not None:
            at = time_of(entry)
            low = bisect_left(group.entries, prefix(at - child.span))
            high = bisect_left(group.entries, prefix(at + 1))
            for each in group.entries[max(low, high - EVIDENCE) : high]:
                yield from self._events(child, each)

    def _pass_on(  # noqa: PLR0917 - one step of the walk, with all it has found
        self, node: Node, key: str, group: Group, anchor: bytes, match: Match, parent: Node, place: int
    ) -> None:
        carried = orjson.loads(anchor[SUFFIX:]) if node.carried else []
        values = dict(zip(node.correlation.group_by, match.group, strict=True))
        values.update(zip(node.carried, carried, strict=False))
        found = self._hits.checked(parent, [values.get(name, "") for name in parent.names[place]], own_key=key)
        if found is not None:
            above, value, suffix = found
            if match.late:
                above += LANE + group.source
            entry = name(match.at, bytes.fromhex(match.id)) + tail(1 << place, value, suffix)
            self._insert(parent, above, entry, group.touched, group.source)


@dataclass(frozen=True, slots=True)
class _Window:
    """Part of a group's entries; `place` is that of the one at which it ends, `newest` says it is the last of all."""

    low: int
    high: int
    place: int
    newest: bool = False


def _possible(node: Node, group: Group, entry: bytes, *, newest: bool) -> bool:
    """Whether it pays to look at the windows: most hits complete nothing."""
    entries, least = group.entries, node.least
    if len(entries) < least:
        return False
    if newest and least > 1 and entries[-least] < prefix(time_of(entry) - node.span):
        return False
    mask = group.mask
    for bits in node.needed:
        if bits & mask == bits:
            return True
    return not node.needed


def _tell(entries: list[bytes], window: _Window) -> list[bytes]:
    """Mark what no match has named yet, and return it; of too many the newest."""
    fresh: list[bytes] = []
    for place in range(window.high - 1, max(window.low, window.high - EVIDENCE) - 1, -1):
        entry = entries[place]
        if not entry[FLAGS] & TOLD:
            fresh.append(entry)
            entries[place] = flagged(entry, TOLD)
        elif window.newest:
            # What came before was told by the match that told this one.
            break
    return fresh


def _identity(correlation: str, values: str, anchor: bytes) -> str:
    parts = GAP.join((correlation, values, anchor[8:24].hex()))
    return blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
