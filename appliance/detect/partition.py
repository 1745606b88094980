"""The rules that one class of events is shown, and the index that finds the few worth deciding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Sequence
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns

from .census import Census
from .clauses import PER_RULE, Clause, Kind, Literal
from .codegen import generated
from .compiled import Decision
from .decided import Decided, bits
from .index import PLACED, KeyIndex
from .keywords import KeywordIndex, Rest
from .memo import Budget, Samples
from .nodes import Node, fields
from .values import Event, Value

#: Shapes (sets of keys) an index remembers the way through for.
_SHAPES = 2048
#: With fewer rules there is nothing to gain by knowing the events.
_WORTH_IT = 8
#: Seconds of one event's time that go into the better index; one step of it may take longer than that.
_SLICE = 0.002
_Unknown = defaultdict["KeyIndex", list[tuple[int, Value]]]
_Step = tuple[str, Callable[[object], int | None], KeyIndex]
_Asked = dict[str | None, dict[Literal, int]]
#: (mask before any value is seen, its candidates, the keys to look up, what keywords look at)
_Way = tuple[int, int, tuple[_Step, ...], Rest | None]


@dataclass(slots=True)
class RuleStats:
    """What deciding one rule has cost and given.

    Events whose clauses did not hold, and those whose answer was remembered, are not counted as evaluated.
    """

    evaluated: int = 0
    matched: int = 0
    nanoseconds: int = 0


class Index:
    """Clause masks: bit `slot * rules + number` says that clause `slot` of rule `number` is satisfied."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._full = (1 << count) - 1
        self._base = 0
        self.keywords: KeywordIndex | None = None
        self._indexes: dict[str, KeyIndex] = {}
        #: Keys whose index looks for keywords too: their values are scanned anyway.
        self._scanned: set[str] = set()
        self._ways: dict[tuple[str, ...], _Way] = {}

    def build(self, clauses: Iterable[Sequence[Clause]], budget: Budget) -> Iterator[None]:
        """Fill the index, rule by rule and key by key."""
        asked: _Asked = defaultdict(lambda: defaultdict(int))
        for number, picked in enumerate(clauses):
            self._add(number, picked, asked)
            yield
        keywords = asked.pop(None, None)
        if keywords:
            self.keywords = KeywordIndex(keywords)
            self._base |= self.keywords.always
        for key, literals in asked.items():
            assert key is not None
            if self.keywords and any(literal.kind in PLACED for literal in literals):
                self._scanned.add(key)
                for text, mask in self.keywords.texts.items():
                    literals[Literal(key, Kind.INFIX, text)] |= mask
            self._indexes[key] = KeyIndex(key, literals, budget)
            yield

    def _add(self, number: int, clauses: Sequence[Clause], asked: _Asked) -> None:
        for slot in range(PER_RULE):
            bit = 1 << (slot * self._count + number)
            if slot >= len(clauses):
                self._base |= bit
                continue
            for literal in clauses[slot]:
                asked[literal.key][literal] |= bit

    def candidates(self, events: Sequence[Event]) -> list[int]:
        """For each event a mask of the entries whose necessary clauses it satisfies.

        Values that are not remembered are looked at key by key and keywords come last: what one of these needs of the
        machine's nearest memory is its own for a while.
        """
        ways = [self._ways.get(shape := tuple(event)) or self._way(shape, event) for event in events]
        masks, unknown = self._remembered(events, ways)
        for index, values in unknown.items():
            for number, value in values:
                masks[number] |= index.mask(value)
        if self.keywords is not None:
            rests = [(number, rest(event)) for number, event in enumerate(events) if (rest := ways[number][3])]
            for number, mask in self.keywords.places(rests):
                masks[number] |= mask
        return [way[1] if mask is way[0] else self.accepted(mask) for way, mask in zip(ways, masks, strict=True)]

    @staticmethod
    def _remembered(events: Sequence[Event], ways: Sequence[_Way]) -> tuple[list[int], _Unknown]:
        """Masks of what is known of the events' values, and by index the values that are not, with their event."""
        masks: list[int] = []
        unknown: _Unknown = defaultdict(list)
        for number, event in enumerate(events):
            mask, _, steps, _ = ways[number]
            for key, known, index in steps:
                value = event[key]
                kind = type(value)
                # True, 1 and 1.0 are one key of a memory and three texts.
                bits = known(value) if kind is str or kind is int or kind is tuple else None
                if bits is None:
                    unknown[index].append((number, value))
                elif bits:
                    mask |= bits
            masks.append(mask)
        return masks, unknown

    def masks(self, key: str, values: Sequence[Value], *, keywords: bool = True) -> list[int]:
        """The mask of each value of one key; without `keywords`, as if there were none in them."""
        index = self._indexes.get(key)
        found = index.masks(values) if index else [0] * len(values)
        if keywords and self.keywords and key not in self._scanned:
            return [one | other for one, other in zip(found, self.keywords.masks(values), strict=True)]
        return found

    def absent(self, key: str) -> int:
        """The mask of an event without a key."""
        index = self._indexes.get(key)
        return index.absent if index else 0

    @property
    def keys(self) -> KeysView[str]:
        """The keys that clauses name."""
        return self._indexes.keys()

    def missing(self, names: Collection[str]) -> int:
        """The mask of an event that has no key but these, before its values are looked at."""
        mask = self._base
        for key, index in self._indexes.items():
            if key not in names:
                mask |= index.absent
        return mask

    def accepted(self, mask: int) -> int:
        """The entries of which all clauses hold: what `candidates` says of an event with this mask."""
        return mask & (mask >> self._count) & self._full

    def _way(self, shape: tuple[str, ...], event: Event) -> _Way:
        if len(self._ways) >= _SHAPES:
            self._ways.clear()
        mask = self.missing(event)
        steps = tuple((key, self._indexes[key].known, self._indexes[key]) for key in shape if key in self._indexes)
        unseen = [key for key in shape if key not in self._scanned]
        rest = self.keywords.rest(event, unseen) if self.keywords else None
        way = self._ways[shape] = mask, self.accepted(mask), steps, rest
        return way


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
        self._index = Index(len(entries))
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
        self._next = Index(len(nodes))
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
