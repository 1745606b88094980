"""From an event to the entries of a partition whose necessary clauses it satisfies, as a bit mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Sequence

from .clauses import PER_RULE, Clause, Kind, Literal
from .cost import RuleStats, biller
from .index import PLACED, KeyIndex
from .keywords import KeywordIndex, Rest
from .memo import Budget
from .values import Event, Value

#: Shapes (sets of keys) an index remembers the way through for.
_SHAPES = 2048
_Unknown = defaultdict["KeyIndex", list[tuple[int, Value]]]
_Step = tuple[str, Callable[[object], int | None], KeyIndex]
_Asked = dict[str | None, dict[Literal, int]]
#: (mask before any value is seen, its candidates, the keys to look up, what keywords look at)
_Way = tuple[int, int, tuple[_Step, ...], Rest | None]


class Index:
    """Clause masks: bit `slot * rules + number` says that clause `slot` of rule `number` is satisfied."""

    def __init__(self, stats: Sequence[RuleStats]) -> None:
        self._stats = stats
        self._count = count = len(stats)
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
        bill = biller(self._stats)
        for key, literals in asked.items():
            assert key is not None
            if self.keywords and any(literal.kind in PLACED for literal in literals):
                self._scanned.add(key)
                for text, mask in self.keywords.texts.items():
                    literals[Literal(key, Kind.INFIX, text)] |= mask
            self._indexes[key] = KeyIndex(key, literals, budget, bill=bill)
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
