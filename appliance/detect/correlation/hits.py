"""A hit of a rule as a correlation takes it: its group, its value, and what must be carried along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from appliance.detect.model import Rule
from appliance.detect.values import Event, Value

from .entry import NOTHING, digest, number
from .fields import GAP, FieldKeys, group_key, group_text, number_of_text
from .model import STATISTICS, Kind
from .plan import Node

#: Classes of events for which a correlation remembers the keys of its fields.
_WAYS = 1024
Found = tuple[str, bytes, bytes]
"""Key of the group, value, suffix of the entry."""


@dataclass(slots=True)
class Seen:
    """What went through since the start.

    `late` hits came out of order by more than the lateness, `missed` ones after their window was judged; `clamped`
    ones said to be from the future; `ungrouped` lack a field to group by, `valueless` the field to count.
    """

    hits: int = 0
    matches: int = 0
    late: int = 0
    missed: int = 0
    clamped: int = 0
    ungrouped: int = 0
    valueless: int = 0


class Hits:
    """Reads hits; what cannot be used is counted."""

    def __init__(self, keys: FieldKeys, seen: Seen) -> None:
        self._keys, self.seen = keys, seen

    def read(
        self, event: Event, found: Sequence[tuple[Node, int, Rule]]
    ) -> Iterable[tuple[Node, str, bytes, bytes, int]]:
        """An event's places in groups, each with the rules that it fulfils there: a bit each."""
        self.seen.hits += len(found)
        get = event.get
        way = (get("event.module"), get("winlog.channel"), get("event.code"), get("event.category"))
        placed = []
        for node, place, rule in found:
            known = node.ways[place]
            keys = known.get(way)
            if keys is None:
                if len(known) >= _WAYS:
                    known.clear()
                keys = known[way] = self._keys.keys(rule, event, node.names[place])
            belongs = self.checked(node, [get(key) for key in keys])
            if belongs is not None:
                placed.append((node, *belongs, 1 << place))
        return placed if len(placed) < 2 else _joined(placed)

    def checked(self, node: Node, values: Sequence[Value | None], own_key: str | None = None) -> Found | None:
        """Where values belong, in the order of `node.names`; `own_key` is the group of a match that is passed on."""
        groups, counted = node.grouped, node.counted
        key = group_key(values[:groups])
        if key is None:
            self.seen.ungrouped += 1
            return None
        value = NOTHING
        if counted > groups:
            amount = _value(node.correlation.kind, values[groups:counted])
            if amount is None:
                self.seen.valueless += 1
                return None
            value = amount
        suffix = b""
        if node.carried or own_key is not None:
            carried: list[str] = [group_text(each) for each in values[counted:]]
            suffix = orjson.dumps(carried if own_key is None else [*carried, own_key])
        return key, value, suffix


def _joined(placed: Iterable[tuple[Node, str, bytes, bytes, int]]) -> Iterable[tuple[Node, str, bytes, bytes, int]]:
    """One place for several rules that put an event into the same group."""
    masks: dict[tuple[Node, str, bytes, bytes], int] = {}
    for *where, mask in placed:
        masks[tuple(where)] = masks.get(tuple(where), 0) | mask  # type: ignore[index, arg-type]
    return [(*where, mask) for where, mask in masks.items()]


@lru_cache(maxsize=1 << 14)
def _known_digest(text: str) -> bytes | None:
    found = group_text(text)
    return digest(found) if found else None


def _value(kind: Kind, values: Sequence[Value | None]) -> bytes | None:
    if kind in STATISTICS:
        amount = number_of_text(values[0])
        return None if amount is None else number(amount)
    if len(values) == 1 and type(values[0]) is str:
        return _known_digest(values[0])
    parts = [group_text(part) for part in values]
    return digest(GAP.join(parts)) if all(parts) else None
