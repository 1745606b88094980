"""The rules that one class of events is shown, and the index that finds the few worth deciding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns

from .census import Census
from .clauses import Clause
from .codegen import generated
from .compiled import Decision
from .cost import RuleStats
from .decided import Decided, bits
from .event_index import Index
from .memo import Budget, Samples
from .nodes import Node, fields
from .values import Event

#: With fewer rules there is nothing to gain by knowing the events.
_WORTH_IT = 8
#: Seconds of one event's time that go into the better index; one step of it may take longer than that.
_SLICE = 0.002


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule as one class of events is shown it: its place in the rule set, and its condition over event keys.

    The condition is made again each time it is asked for: most are never needed after the start.
    """

    place: int
    node: Callable[[], Node]
    stats: RuleStats


class Partition:
    """The rules of one class of events.

    It starts with the clauses it is given. As long as these were chosen by guess (`learned` is false), the first
    events teach it better ones; the index made of those replaces the first one, and is made in slices so that no
    event waits for all of it. `learn` is told what was chosen.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        clauses: Sequence[Sequence[Clause]],
        *,
        learned: bool,
        budget: Budget,
        samples: Samples,
        learn: Callable[[Sequence[Sequence[Clause]]], None],
    ) -> None:
        self.entries = entries
        self._budget = budget
        self._decisions: list[Decision | None] = [None] * len(entries)
        self._keys: dict[int, frozenset[str] | None] = {}
        self._decided = Decided(budget)
        self._samples = samples
        self._seen = 0
        self._sample: list[Event] | None = [] if len(entries) >= _WORTH_IT and not learned else None
        self._steps: Iterator[None] | None = None
        self._next: Index | None = None
        self._learn_of = learn
        self._index = Index([entry.stats for entry in entries])
        for _ in self._index.build(clauses, budget):
            pass

    @property
    def learned(self) -> bool:
        """Whether the events have nothing more to teach."""
        return self._sample is None

    def candidates(self, events: Sequence[Event]) -> list[int]:
        """For each event a mask of the entries whose necessary clauses it satisfies."""
        for event in events:
            if self._sample is None:
                break
            self._learn(event)
        return self._index.candidates(events)

    def wanted(self, seen: int) -> int:
        """How many of `seen` further events it wants to learn from, when not each of them is shown to `candidates`."""
        if self._sample is None:
            return 0
        self._seen += seen
        rules = len(self.entries)
        return self._samples.wanted if self._seen >= self._samples.stride(rules) * self._samples.wanted else 0

    def teach(self, events: Sequence[Event]) -> None:
        """Choose clauses by these events, at once."""
        sample = [event for event in events if self._samples.take(event)]
        for _ in self._relearn(sample):
            pass
        self._samples.give_back(sample)
        self._samples.give_back(self._sample or ())
        self._settle()

    def _settle(self) -> None:
        assert self._next is not None
        self._index, self._next, self._steps, self._sample = self._next, None, None, None

    def _learn(self, event: Event) -> None:
        assert self._sample is not None
        if self._steps is None:
            self._seen += 1
            if self._seen % self._samples.stride(len(self.entries)) == 0 and self._samples.take(event):
                self._sample.append(event)
            if len(self._sample) >= self._samples.wanted:
                self._steps = self._relearn(self._sample)
            return
        until = perf_counter() + _SLICE
        for _ in self._steps:
            if perf_counter() >= until:
                return
        self._samples.give_back(self._sample)
        self._settle()

    def _relearn(self, sample: Sequence[Event]) -> Iterator[None]:
        census = Census(sample)
        nodes = []
        for entry in self.entries:
            node = entry.node()
            nodes.append(node)
            census.ask(node)
            yield
        yield from census.count()
        clauses = []
        for node in nodes:
            clauses.append(census.chosen(node))
            yield
        self._learn_of(clauses)
        self._next = Index([entry.stats for entry in self.entries])
        yield from self._next.build(clauses, self._budget)

    @property
    def index(self) -> Index:
        """The index in force."""
        return self._index

    def keys(self, number: int) -> frozenset[str] | None:
        """What the exact decision for one entry looks at; None when it is every key."""
        if number not in self._keys:
            found = fields(self.entries[number].node())
            self._keys[number] = None if None in found else frozenset(key for key in found if key is not None)
        return self._keys[number]

    def decided(self, masks: Sequence[int], events: Sequence[Event]) -> list[int]:
        """For each event a mask of the entries that it satisfies, out of those that its mask names."""
        accepted, left = self._decided.known(masks, events, self.keys)
        for known in filter(None, accepted):
            for number in bits(known):
                self.entries[number].stats.matched += 1
        waiting: dict[int, list[int]] = defaultdict(list)
        for place, asked, _ in left:
            for number in asked.entries:
                waiting[number].append(place)
        for number, places in waiting.items():
            for place in self._decide_all(number, places, events):
                accepted[place] |= 1 << number
        for place, _, name in left:
            if name is not None:
                self._decided.keep(name, accepted[place])
        return accepted

    def _decide_all(self, number: int, places: Sequence[int], events: Sequence[Event]) -> list[int]:
        """The places of the events that an entry accepts; one entry for all events takes less than all for one."""
        start, stats = perf_counter_ns(), self.entries[number].stats
        accepted = [place for place in places if self.decide(number, events[place])]
        stats.nanoseconds += perf_counter_ns() - start
        stats.evaluated += len(places)
        stats.matched += len(accepted)
        return accepted

    def decide(self, number: int, event: Event) -> bool:
        """The exact decision for one entry."""
        decide = self._decisions[number]
        if decide is None:
            decide = self._decisions[number] = generated(self.entries[number].node())
        return decide(event)
