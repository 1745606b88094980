"""Stored events through rules: the store gives those that may match, the matcher says which do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from appliance.detect import Engine, Rule, RuleSet
from appliance.hunt.question import EVERYTHING, leaves, question
from appliance.normalise import Event
from appliance.search import Node
from appliance.store import Store

PAGE = 1000
MAX_LEAVES = 600
"""Comparisons that the store is asked to make; with more, reading all events is faster."""


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

    def run(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[Event, list[Rule]]]:
        """Yield the events of a time range that satisfy rules, the oldest first, and these rules.

        Times in microseconds, `start` inclusive. Raises QueryTimeout and StoreUnavailable.
        """
        asked = asked_for(self.engine.rules)
        after: str | None = None
        while asked is not None:
            page = self.store.search(asked, start, end, PAGE, after, descending=False)
            for event in page.events:
                self.looked += 1
                rules = self.engine.match(event)
                if rules:
                    self.found += 1
                    yield event, rules
            after = page.next
            if after is None:
                return


def asked_for(rules: Sequence[Rule]) -> Node | None:
    """Return what a store is asked for; None when no source feeds any of the rules."""
    narrow = question(rules)
    few = narrow is None or sum(1 for _ in islice(leaves(narrow), MAX_LEAVES + 1)) <= MAX_LEAVES
    return narrow if few else EVERYTHING
