"""The streaming matcher: an event goes to the partition of its class, candidates are decided exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from appliance.normalise.fields import sigma_key

from .explain import Tree, explain_node, matched, not_fed
from .memo import BUDGET, Budget, Samples
from .model import Rule, RuleSet
from .nodes import FALSE, Node, all_of
from .partition import Partition
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
        samples: Samples | None = None,
        timed: bool = False,
    ) -> None:
        self.rules: Sequence[Rule] = ruleset.rules
        self.unfed: list[Rule] = []
        self.stats: dict[str, RuleStats] = defaultdict(RuleStats)
        self._routes = routes or shipped_routes()
        self._resolver_factory = resolver_factory
        self._budget = Budget(memory)
        self._timed = timed
        self._samples = samples or Samples()
        self._partitions: dict[EventClass, Partition] = {}
        self._ways: dict[tuple[Value | None, ...], Partition] = {}
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
        get = event.get
        module, code = get("event.module"), get("event.code")
        if type(code) is not int:
            # True and 1.0 are 1 to a dictionary, and of no class of their own.
            code = None
        way = (module, get("winlog.channel"), code, get("event.category"))
        partition = self._ways.get(way)
        if partition is None:
            partition = self._partition_of(event)
            if type(module) is str:
                if len(self._ways) >= _CLASSES:
                    self._ways.clear()
                self._ways[way] = partition
        mask = partition.candidates(event)
        return self._decided(partition, mask, event) if mask else []

    def _decided(self, partition: Partition, mask: int, event: Event) -> list[Rule]:
        found: list[int] = []
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            number = lowest.bit_length() - 1
            place = partition.rules[number]
            stats = self.stats[self.rules[place].id]
            start = perf_counter_ns() if self._timed else 0
            accepted = partition.decide(number, event)
            if self._timed:
                stats.nanoseconds += perf_counter_ns() - start
            stats.evaluated += 1
            if accepted:
                stats.matched += 1
                if not found or found[-1] != place:
                    found.append(place)
        return [self.rules[place] for place in found]

    def _partition_of(self, event: Event) -> Partition:
        kind = event_class(event)
        partition = self._partitions.get(kind)
        if partition is None:
            if len(self._partitions) >= _CLASSES:
                self._partitions.clear()
                self._ways.clear()
            partition = self._partitions[kind] = self._partition(kind)
        return partition

    def _partition(self, kind: EventClass) -> Partition:
        resolver, known = self._resolver_factory(kind), facts(kind)

        def node_of(row: tuple[int, Feed]) -> Node:
            return applied(self.rules[row[0]].node, row[1], resolver, known)

        found = [(row, node) for row in self._selected(kind) if (node := node_of(row)) != FALSE]
        rows = [row for row, _ in found]
        return Partition(
            [number for number, _ in rows],
            [node for _, node in found],
            lambda entry: node_of(rows[entry]),
            self._budget,
            self._samples,
        )

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
                trees.append(explain_node(all_of([feed.where, rule.node]), event, resolver))
        if not trees:
            return not_fed(rule.logsource, kind)
        return next((tree for tree in trees if tree.truth), trees[0])

    def matched_fields(self, rule: Rule, event: Event) -> dict[str, Value]:
        """Sigma field name to the value that satisfied the rule; keywords stand under `keywords`."""
        return matched(self.explain(rule, event))
