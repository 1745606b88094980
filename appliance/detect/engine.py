"""The streaming matcher: an event goes to the partition of its class, candidates are decided exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from appliance.normalise.fields import sigma_key

from .explain import Tree, explain_node, matched
from .memo import BUDGET, Budget
from .model import Rule, RuleSet
from .nodes import FALSE, all_of
from .partition import Entry, Partition
from .resolve import Resolver, ResolverFactory, applied, facts, with_renames
from .routes import EventClass, Feed, Routes, event_class, shipped_routes
from .values import Event, Value

#: Classes of events an engine keeps partitions for; an intruder may invent any number of channels.
_CLASSES = 2048


@dataclass(slots=True)
class RuleStats:
    """What deciding one rule has cost and given. Events whose clauses did not hold are not counted as evaluated."""

    evaluated: int = 0
    matched: int = 0
    nanoseconds: int = 0


def field_names(kind: EventClass) -> Resolver:
    """The normaliser's field names for a class of events."""
    return sigma_key(kind.module, kind.channel, kind.code, kind.category)


class Engine:
    """Compiled rules. Not safe for use by several threads at once; cheap to build, partitions come on first use."""

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        routes: Routes | None = None,
        resolver_factory: ResolverFactory = field_names,
        memory: int = BUDGET,
        timed: bool = False,
    ) -> None:
        self.rules: Sequence[Rule] = ruleset.rules
        self.unfed: list[Rule] = []
        self.stats: dict[str, RuleStats] = defaultdict(RuleStats)
        self._routes = routes or shipped_routes()
        self._resolver_factory = resolver_factory
        self._budget = Budget(memory)
        self._timed = timed
        self._partitions: dict[EventClass, Partition] = {}
        self._feeds: dict[int, tuple[Feed, ...]] = {}
        self._by_channel: dict[str, list[tuple[int, Feed]]] = defaultdict(list)
        self._everywhere: list[tuple[int, Feed]] = []
        for number, rule in enumerate(self.rules):
            self._route(number, rule)

    def _route(self, number: int, rule: Rule) -> None:
        feeds = self._routes.feeds(rule.logsource)
        self._feeds[number] = feeds
        if not feeds:
            self.unfed.append(rule)
        for feed in feeds:
            if feed.channels is None:
                self._everywhere.append((number, feed))
            for channel in feed.channels or ():
                self._by_channel[channel].append((number, feed))

    def match(self, event: Event) -> list[Rule]:
        """The rules that the event satisfies, in the order of the rule set."""
        kind = event_class(event)
        partition = self._partitions.get(kind)
        if partition is None:
            partition = self._partition(kind)
        mask = partition.candidates(event)
        if not mask:
            return []
        found = {partition.entries[number].rule for number in self._decided(partition, mask, event)}
        return [self.rules[number] for number in sorted(found)]

    def _decided(self, partition: Partition, mask: int, event: Event) -> Iterator[int]:
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            number = lowest.bit_length() - 1
            stats = self.stats[self.rules[partition.entries[number].rule].id]
            start = perf_counter_ns() if self._timed else 0
            accepted = partition.decide(number, event)
            if self._timed:
                stats.nanoseconds += perf_counter_ns() - start
            stats.evaluated += 1
            if accepted:
                stats.matched += 1
                yield number

    def _partition(self, kind: EventClass) -> Partition:
        if len(self._partitions) >= _CLASSES:
            self._partitions.clear()
        resolver, known = self._resolver_factory(kind), facts(kind)
        entries = []
        for number, feed in self._selected(kind):
            node = applied(self.rules[number].condition, feed, resolver, known)
            if node != FALSE:
                entries.append(Entry(number, node))
        partition = self._partitions[kind] = Partition(entries, self._budget)
        return partition

    def _selected(self, kind: EventClass) -> list[tuple[int, Feed]]:
        rows = self._everywhere + self._by_channel.get(kind.channel or "", [])
        return sorted((row for row in rows if row[1].takes(kind)), key=lambda row: row[0])

    def explain(self, rule: Rule, event: Event) -> Tree:
        """Why the rule does or does not match: its condition with the truth of every part."""
        kind = event_class(event)
        trees = []
        for feed in self._routes.feeds(rule.logsource):
            if feed.takes(kind):
                resolver = with_renames(self._resolver_factory(kind), feed.renames)
                trees.append(explain_node(all_of([feed.where, rule.condition]), event, resolver))
        if not trees:
            return Tree("leaf", False, name="logsource", operator="is fed by", wanted=str(rule.logsource))
        return next((tree for tree in trees if tree.truth), trees[0])

    def matched_fields(self, rule: Rule, event: Event) -> dict[str, Value]:
        """Sigma field name to the value that satisfied the rule; keywords stand under `keywords`."""
        return matched(self.explain(rule, event))
