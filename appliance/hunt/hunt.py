"""Stored events through rules: the store gives those that may match, the matcher says which do.

A store that hands out columns (`Columnar`) is read that way: `appliance/hunt/sieve.py` looks at each value once, and
few events are left. Another is asked a question (`appliance/hunt/question.py`), or for everything when that would be
long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from appliance.detect import Engine, Rule, RuleSet
from appliance.detect.keywords import AllKeywords
from appliance.hunt.question import EVERYTHING, question
from appliance.hunt.sieve import Sieve, decided
from appliance.normalise import Event
from appliance.search import Node, parse
from appliance.search.evaluate import matches
from appliance.search.nodes import And
from appliance.store import Store
from appliance.store.asked import named
from appliance.store.columnar import Columnar, Columns, Places

PAGE = 1000
MAX_LEAVES = 600
"""Comparisons that the store is asked to make; with more, reading all events is faster."""
Matched = Iterator[tuple[Event, list[Rule]]]
Progress = Callable[[int, int], None]
"""Told how many events are done, and of how many."""


def quiet(_done: int, _total: int) -> None:
    """Do nothing about progress."""


@dataclass(slots=True)
class Hunt:
    """One pass over a store. `looked` counts the events that the matcher was shown, `found` those that matched."""

    store: Store
    engine: Engine
    looked: int = 0
    found: int = 0

    @classmethod
    def of(cls, store: Store, rules: Sequence[Rule]) -> Hunt:
        """Return a hunt for rules."""
        return cls(store, Engine(RuleSet(list(rules), [])))

    def run(
        self,
        start: int | None = None,
        end: int | None = None,
        *,
        query: Node | str = EVERYTHING,
        progress: Progress = quiet,
    ) -> Iterator[tuple[Event, list[Rule]]]:
        """Yield the events of a time range that answer a query and satisfy rules, and these rules.

        From a store of columns they come by day of arrival, segment by segment, each in order of time; from another
        store the oldest first. Times in microseconds, `start` inclusive. Raises QueryError, QueryTimeout and
        StoreUnavailable; a flag given to `appliance.store.bounds.bounded` stops it within a few seconds.
        """
        asked = asked_for(self.engine.rules)
        if asked is None:
            return
        node = parse(query, self.store.fields()) if isinstance(query, str) else query
        some = self._sifted if isinstance(self.store, Columnar) else self._paged
        for event, rules in some(asked, node, start, end, progress):
            self.looked += 1
            if rules:
                self.found += 1
                yield event, rules

    def _sifted(self, asked: Node, query: Node, start: int | None, end: int | None, progress: Progress) -> Matched:
        assert isinstance(self.store, Columnar)
        total, done = self.store.count(EVERYTHING, start, end), 0
        keywords = AllKeywords()
        for columns in self.store.columns(And((query, asked)), start, end):
            progress(done, total)
            sieve = Sieve(self.engine, keywords, columns)
            yield from (pair for pair in sieve.shown(_answering(query, columns)) if matches(query, pair[0]))
            done += len(columns)
        progress(total, total)

    def _paged(self, asked: Node, query: Node, start: int | None, end: int | None, progress: Progress) -> Matched:
        node = And((query, asked))
        total, done, after = self.store.count(node, start, end), 0, None
        while True:
            progress(done, total)
            page = self.store.search(node, start, end, PAGE, after, descending=False)
            yield from ((event, self.engine.match(event)) for event in page.events)
            done, after = done + len(page.events), page.next
            if after is None:
                break
        progress(total, total)


def asked_for(rules: Sequence[Rule]) -> Node | None:
    """Return what a store is asked for; None when no source feeds any of the rules."""
    return question(rules, most=MAX_LEAVES)


def _answering(query: Node, columns: Columns) -> Places:
    """Return the places of events that may answer a query: exactly those, when it names its fields."""
    everywhere, names = np.arange(len(columns)), named(query)
    if names is None:
        return everywhere
    return everywhere[decided(partial(matches, query), columns, names, everywhere)]
