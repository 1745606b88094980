"""Which of many stored events may satisfy rules, found by looking at each value once instead of at each event.

Events of one class are shown the same rules. For each field, the engine's index says once of every distinct value
which clauses of rules it satisfies; events with equal answers in all fields have the same candidates. A candidate is
then decided by the rule's own condition, once for all events that have the same values in the fields it looks at.
What is left is few enough to be put together and matched. Each step leaves out only what the matcher would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from operator import or_

import numpy as np
import numpy.typing as npt

from appliance.detect import Engine, Rule, event_class
from appliance.detect.decided import bits
from appliance.detect.event_index import Index
from appliance.detect.keywords import AllKeywords
from appliance.detect.partition import Partition
from appliance.detect.routes import EventClass
from appliance.detect.values import ENVELOPE
from appliance.normalise import Event
from appliance.store.columnar import Columns, Places

CLASS = ("event.module", "winlog.channel", "event.code", "event.category")
"""The fields that tell the class of an event."""
FEW = 32
"""So many events of a class are matched one by one in less time than their columns take."""
_WIDEST = 1 << 62
Chosen = npt.NDArray[np.bool_]


class Sieve:
    """Looks for an engine's rules in the columns of some events; `keywords` is kept from one sieve to the next."""

    def __init__(self, engine: Engine, keywords: AllKeywords, columns: Columns) -> None:
        self._engine, self._keywords, self._columns = engine, keywords, columns
        self._spotted: list[tuple[frozenset[str], int]] = []
        self._sought = 0

    def shown(self, places: Places) -> Iterator[tuple[Event, list[Rule]]]:
        """Yield those of the events that may satisfy rules, in order, with the rules that they do satisfy."""
        waiting: dict[int, tuple[Partition, int | None]] = {}
        for kind, mine in self._classes(places):
            partition = self._engine.partition(kind)
            if len(mine) <= FEW:
                waiting |= dict.fromkeys(mine.tolist(), (partition, None))
            else:
                waiting |= {place: (partition, mask) for place, mask in self._of_class(partition, mine)}
        left = sorted(waiting)
        for place, event in zip(left, self._columns.events(np.array(left, np.int64)), strict=True):
            partition, known = waiting[place]
            (mask,) = partition.candidates((event,)) if known is None else (known,)
            if mask:
                yield event, self._engine.decided(partition, (mask,), (event,))[0]

    def _classes(self, places: Places) -> Iterator[tuple[EventClass, Places]]:
        events, number = _alike(self._columns, CLASS, places)
        kinds = list(map(event_class, events))
        for kind in dict.fromkeys(kinds):
            yield kind, places[np.array([one == kind for one in kinds])[number]]

    def _of_class(self, partition: Partition, places: Places) -> Iterator[tuple[int, int]]:
        """Yield the places of events that may satisfy rules, and masks of what remains to be decided for them."""
        self._teach(partition, places)
        masks, number = self._candidates(partition.index, places)
        found = np.zeros(len(places), np.bool_)
        for rule in bits(reduce(or_, masks)):
            waiting = np.flatnonzero(np.array([mask >> rule & 1 for mask in masks], np.bool_)[number] & ~found)
            found[waiting] = self._decided(partition, rule, places[waiting])
        for place, mask in zip(places[found].tolist(), number[found].tolist(), strict=True):
            yield place, masks[mask]

    def _teach(self, partition: Partition, places: Places) -> None:
        wanted = partition.wanted(len(places))
        if wanted:
            partition.teach(self._columns.events(places[:: -(-len(places) // wanted)]))

    def _candidates(self, index: Index, places: Places) -> tuple[list[int], Places]:
        """Return masks of rules that may match, and for each event the number of its own."""
        start = index.missing(self._columns.names)
        worded = self._worded(index)
        tables: list[list[int]] = []
        numbers: list[Places] = []
        for key in sorted(index.keys & self._columns.names | worded):
            coded = self._columns.coded(key).of(places)
            masks = [index.absent(key), *index.masks(key, coded.present, keywords=key in worded)]
            renumbered = {mask: at for at, mask in enumerate(dict.fromkeys(masks))}
            tables.append(list(renumbered))
            numbers.append(np.array([renumbered[mask] for mask in masks], np.int64)[coded.codes])
        first, number = _equal(numbers, len(places))
        found = [start] * len(first)
        for table, codes in zip(tables, numbers, strict=True):
            found = [mask | table[at] for mask, at in zip(found, codes[first].tolist(), strict=True)]
        return list(map(index.accepted, found)), number

    def _worded(self, index: Index) -> frozenset[str]:
        """Return the fields in whose values a keyword of an index may stand: most often none."""
        if index.keywords is None:
            return frozenset()
        wanted = self._keywords.bits(index.keywords)
        if self._sought < len(self._keywords):
            self._sought = len(self._keywords)
            self._spotted = [(frozenset(names), self._keywords.found(raw)) for names, raw in self._columns.texts()]
        if wanted & self._keywords.numeric:
            return self._columns.names - ENVELOPE
        return frozenset[str]().union(*(names for names, found in self._spotted if found & wanted)) - ENVELOPE

    def _decided(self, partition: Partition, rule: int, places: Places) -> Chosen:
        keys = partition.keys(rule)
        if keys is None:
            # Keywords: to say whether one is anywhere takes the whole event.
            return np.ones(len(places), np.bool_)
        return decided(partial(partition.decide, rule), self._columns, keys, places)


def decided(decide: Callable[[Event], bool], columns: Columns, names: Iterable[str], places: Places) -> Chosen:
    """Return of which events something is true that depends on some fields alone."""
    events, number = _alike(columns, names, places)
    return np.fromiter(map(decide, events), np.bool_, len(events))[number]


def _alike(columns: Columns, names: Iterable[str], places: Places) -> tuple[list[Event], Places]:
    """Return events of some fields alone, no two alike, and for each place the number of its own."""
    coded = {name: columns.coded(name) for name in sorted(columns.names.intersection(names))}
    first, number = _equal([one.codes[places] for one in coded.values()], len(places))
    events: list[Event] = [{} for _ in first]
    for name, one in coded.items():
        for event, at in zip(events, one.codes[places[first]].tolist(), strict=True):
            value = one.values[at]
            if value is not None:
                event[name] = value
    return events, number


def _equal(numbers: Sequence[Places], size: int) -> tuple[Places, Places]:
    """Return where each different combination of numbers is found first, and for each place which it has."""
    whole, width = np.zeros(size, np.int64), 1
    for one in numbers:
        span = int(one.max(initial=0)) + 1
        if width * span > _WIDEST:
            whole, width = np.unique(whole, return_inverse=True)[1], size
        whole, width = whole * span + one, width * span
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return first, number
