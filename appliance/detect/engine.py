"""The streaming matcher: an event goes to the partition of its class, candidates are decided exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import structlog

from appliance.normalise.fields import sigma_key

from .clauses import Clause, chosen
from .cost import RuleStats
from .decided import bits
from .explain import Tree, explain_node, matched, not_fed
from .memo import BUDGET, Budget, Samples
from .model import Rule, RuleSet
from .nodes import FALSE, Node, all_of
from .partition import Entry, Partition
from .plans import Choice, Plan, Plans, decode_plan, encode_plan, entry_key
from .resolve import Resolver, ResolverFactory, applied, facts, with_renames
from .routes import EventClass, Feed, Routes, event_class, shipped_routes
from .values import Event, Value
from .witness import Several, Witness, witness

#: Classes of events an engine keeps partitions for; an intruder may invent any number of channels.
_CLASSES = 2048
#: Rules whose way to find the satisfying values is kept.
_WITNESSES = 1024
_NO_PLAN = Plan(False, {})
log = structlog.get_logger()


def field_names(kind: EventClass) -> Resolver:
    """The normaliser's field names for a class of events."""
    return sigma_key(kind.module, kind.channel, kind.code, kind.category)


def _applied(rule: Rule, feed: Feed, resolver: Resolver, known: Mapping[str, Value]) -> Node:
    return applied(rule.node, feed, resolver, known)


def _guessed(node: Node) -> Choice:
    return None if node == FALSE else chosen(node)


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
        plans: Plans | None = None,
    ) -> None:
        self.rules: Sequence[Rule] = ruleset.rules
        self.unfed: list[Rule] = []
        self.stats: dict[str, RuleStats] = defaultdict(RuleStats)
        #: What is known of classes of events, given or learned; `lessons` counts what was added.
        self.plans = dict(plans or {})
        self.lessons = 0
        self._routes = routes or shipped_routes()
        self._resolver_factory = resolver_factory
        self._budget = Budget(memory)
        self._found_by: dict[tuple[str, EventClass], list[Witness]] = {}
        self._samples = samples or Samples()
        self._partitions: dict[EventClass, Partition] = {}
        self._ways: dict[tuple[Value | None, ...], Partition] = {}
        self._by_channel: dict[str, list[tuple[int, int, Feed]]] = defaultdict(list)
        self._everywhere: list[tuple[int, int, Feed]] = []
        for number, rule in enumerate(self.rules):
            self._route(number, rule)

    def _route(self, number: int, rule: Rule) -> None:
        feeds = self._routes.feeds(rule.logsource)
        if not feeds:
            self.unfed.append(rule)
        for place, feed in enumerate(feeds):
            if feed.channels is None:
                self._everywhere.append((number, place, feed))
            for channel in feed.channels or ():
                self._by_channel[channel].append((number, place, feed))

    def match(self, event: Event) -> list[Rule]:
        """The rules that the event satisfies, in the order of the rule set."""
        return self.match_many((event,))[0]

    def match_many(self, events: Sequence[Event]) -> list[list[Rule]]:
        """The rules that each event satisfies, in the order of the rule set.

        Events of one class are looked at together, which takes about half the time of one after the other.
        """
        classes: dict[Partition, list[int]] = defaultdict(list)
        for number, event in enumerate(events):
            classes[self._partition_of(event)].append(number)
        found: list[list[Rule]] = [[] for _ in events]
        for partition, numbers in classes.items():
            members = [events[number] for number in numbers]
            masks = partition.candidates(members)
            if any(masks):
                for number, rules in zip(numbers, self.decided(partition, masks, members), strict=True):
                    found[number] = rules
        return found

    def _partition_of(self, event: Event) -> Partition:
        get = event.get
        module, code = get("event.module"), get("event.code")
        if type(code) is not int:
            # True and 1.0 are 1 to a dictionary, and of no class of their own.
            code = None
        way = (module, get("winlog.channel"), code, get("event.category"))
        partition = self._ways.get(way)
        if partition is None:
            partition = self.partition(event_class(event))
            if type(module) is str:
                if len(self._ways) >= _CLASSES:
                    self._ways.clear()
                self._ways[way] = partition
        return partition

    def decided(self, partition: Partition, masks: Sequence[int], events: Sequence[Event]) -> list[list[Rule]]:
        """The rules that events of one class satisfy, out of the entries of its partition that their masks name."""
        return [self._rules(partition, mask) if mask else [] for mask in partition.decided(masks, events)]

    def _rules(self, partition: Partition, mask: int) -> list[Rule]:
        # Several feeds may lead to one rule.
        found = dict.fromkeys(partition.entries[number].place for number in bits(mask))
        return [self.rules[place] for place in found]

    def partition(self, kind: EventClass) -> Partition:
        """The rules that events of a class are shown; it may be another after `close` or two thousand classes."""
        partition = self._partitions.get(kind)
        if partition is None:
            if len(self._partitions) >= _CLASSES:
                self._partitions.clear()
                self._ways.clear()
            partition = self._partitions[kind] = self._built(kind)
        return partition

    def _built(self, kind: EventClass) -> Partition:
        resolver, known = self._resolver_factory(kind), facts(kind)
        plan = self._plan(kind)
        choices: dict[str, Choice] = {}
        entries: list[Entry] = []
        clauses: list[Sequence[Clause]] = []
        keys: list[str] = []
        for number, place, feed in self._selected(kind):
            rule = self.rules[number]
            key = entry_key(rule, place)
            node = partial(_applied, rule, feed, resolver, known)
            choice = plan.choices[key] if key in plan.choices else _guessed(node())
            choices[key] = choice
            if choice is not None:
                entries.append(Entry(number, node, self.stats[rule.id]))
                clauses.append(choice)
                keys.append(key)
        complete = choices.keys() <= plan.choices.keys()

        def learn(chosen: Sequence[Sequence[Clause]]) -> None:
            self._keep(kind, Plan(True, {**choices, **dict(zip(keys, chosen, strict=True))}))

        if not complete:
            self._keep(kind, Plan(False, choices))
        return Partition(
            entries, clauses, learned=plan.learned and complete, budget=self._budget, samples=self._samples, learn=learn
        )

    def _plan(self, kind: EventClass) -> Plan:
        raw = self.plans.get(kind)
        try:
            return decode_plan(raw) if raw else _NO_PLAN
        except (ValueError, KeyError, TypeError, IndexError) as error:
            log.info("plan_unreadable", kind=str(kind), error=str(error))
            return _NO_PLAN

    def _keep(self, kind: EventClass, plan: Plan) -> None:
        try:
            self.plans[kind] = encode_plan(plan)
        except TypeError as error:
            log.info("plan_not_kept", kind=str(kind), error=str(error))
            return
        self.lessons += 1

    def _selected(self, kind: EventClass) -> list[tuple[int, int, Feed]]:
        rows = self._everywhere + self._by_channel.get(kind.channel or "", [])
        return sorted((row for row in rows if row[2].takes(kind)), key=lambda row: row[:2])

    def kinds(self) -> list[EventClass]:
        """The classes of events that the engine is ready for."""
        return list(self._partitions)

    def warm(self, kinds: Iterable[EventClass]) -> None:
        """Get ready for classes of events before the first of them comes."""
        for kind in kinds:
            self.partition(kind)

    def close(self) -> None:
        """Let go of what was built for classes of events; it would be built again.

        Partitions and engine refer to each other, and a process that has frozen its objects collects no cycles.
        """
        self._ways.clear()
        self._partitions.clear()
        self._found_by.clear()

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
        kind = event_class(event)
        try:
            rows = next((rows for find in self._witnesses(rule, kind) if (rows := find(event)) is not None), ())
        except Several:
            return matched(self.explain(rule, event))
        found: dict[str, Value] = {}
        for name, value in rows:
            found.setdefault(name, value)
        return found

    def _witnesses(self, rule: Rule, kind: EventClass) -> list[Witness]:
        known = self._found_by.get((rule.id, kind))
        if known is None:
            if len(self._found_by) >= _WITNESSES:
                self._found_by.clear()
            known = self._found_by[rule.id, kind] = [
                witness(all_of([feed.where, rule.node]), with_renames(self._resolver_factory(kind), feed.renames))
                for feed in self._routes.feeds(rule.logsource)
                if feed.takes(kind)
            ]
        return known
