"""A bounded memory of answers: two generations a table, and one budget for all tables of an engine."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakSet

from .values import Event, texts

#: Bytes that keys may take in all tables of one engine, by estimate.
BUDGET = 64 << 20
#: Answers of one table's young generation.
ENTRIES = 16_384
#: Longer texts are looked at each time; to keep them would cost more than it saves.
LONGEST_KEY = 8_192
#: Events that one partition learns from, and the bytes all partitions may keep of them, by estimate.
SAMPLE = 256
SAMPLE_ROOM = 32 << 20
#: Events that a partition sees for each of its rules before it learns: a few rare events are not worth the work.
EVENTS_A_RULE = 4
_OVERHEAD = 160
#: Heavier events are not learned from: to look through one takes as long as through a hundred others.
_HEAVY = 64 << 10


class Budget:
    """What all tables together may keep; when it is spent, all of them forget."""

    def __init__(self, limit: int = BUDGET) -> None:
        self.limit = limit
        self.spent = 0
        self.forgotten = 0
        self._tables: WeakSet[Memo] = WeakSet()

    def join(self, table: Memo) -> None:
        """Count a table's answers from now on."""
        self._tables.add(table)

    def spend(self, cost: int) -> None:
        """Count `cost` bytes, or forget everything first when they do not fit."""
        if self.spent + cost > self.limit:
            for table in list(self._tables):
                table.clear()
            self.spent = 0
            self.forgotten += 1
        self.spent += cost


class Memo:
    """From a value to an answer. `young` may be read directly; a miss there is asked with `recall`."""

    __slots__ = ("__weakref__", "_budget", "_old", "_shared", "young")

    def __init__(self, budget: Budget) -> None:
        self.young: dict[object, int] = {}
        self._old: dict[object, int] = {}
        self._shared: dict[int, int] = {}
        self._budget = budget
        budget.join(self)

    def recall(self, key: object) -> int | None:
        """The answer that the older generation still has, or None."""
        return self._old.get(key)

    def keep(self, key: object, size: int, answer: int) -> None:
        """Remember an answer for a key of `size` characters."""
        if size > LONGEST_KEY:
            return
        if len(self.young) >= ENTRIES:
            # Readers hold `young` itself, so it is emptied, not replaced.
            self._old = dict(self.young)
            self.young.clear()
        if len(self._shared) >= ENTRIES:
            self._shared.clear()
        self._budget.spend(size + _OVERHEAD)
        self.young[key] = self._shared.setdefault(answer, answer)

    def clear(self) -> None:
        """Forget everything."""
        self.young.clear()
        self._old.clear()
        self._shared.clear()


class Samples:
    """How many events all partitions of an engine may keep to learn from, in number a partition and in characters."""

    def __init__(self, wanted: int = SAMPLE, room: int = SAMPLE_ROOM, *, a_rule: int = EVENTS_A_RULE) -> None:
        self.wanted = wanted
        self.room = room
        self._a_rule = a_rule

    def stride(self, rules: int) -> int:
        """Every how many events one is to be taken, so that learning costs a small share of what was done before."""
        return max(1, rules * self._a_rule // self.wanted)

    def take(self, event: Event) -> bool:
        """Whether there is room for the event, which then counts as kept."""
        cost = _weight(event)
        if cost > min(self.room, _HEAVY):
            return False
        self.room -= cost
        return True

    def give_back(self, events: Iterable[Event]) -> None:
        """The events are not kept any more."""
        self.room += sum(map(_weight, events))


def _weight(event: Event) -> int:
    sizes = [len(value) if type(value) is str else sum(map(len, texts(value))) for value in event.values()]
    return _OVERHEAD * len(sizes) + sum(sizes)
