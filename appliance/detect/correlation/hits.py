"""A hit of a rule as a correlation takes it: its group, its value, and what must be carried along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from appliance.detect.model import Rule
from appliance.detect.values import Event, Value

from .entry import NOTHING, digest, number
from .fields import FieldKeys, group_text, number_of_text
from .model import STATISTICS, Kind
from .plan import Node

#: Stands between the values of a group.
GAP = "\x1f"
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

    def read(self, event: Event, found: Sequence[tuple[Node, int, Rule]]) -> dict[tuple[Node, str, bytes, bytes], int]:
        """An event's places in groups, each with the rules that it fulfils there: a bit each."""
        masks: dict[tuple[Node, str, bytes, bytes], int] = {}
        self.seen.hits += len(found)
        for node, place, rule in found:
            values = [event.get(key) for key in self._keys.keys(rule, event, node.names[place])]
            place_in = self.checked(node, values)
            if place_in is not None:
                masks[node, *place_in] = masks.get((node, *place_in), 0) | 1 << place
        return masks

    def checked(self, node: Node, values: Sequence[Value | None], own_key: str | None = None) -> Found | None:
        """Where values belong, in the order of `node.names`; `own_key` is the group of a match that is passed on."""
        one = node.correlation
        groups = len(one.group_by)
        counted = groups + len(one.fields)
        texts = [group_text(value) for value in values[:groups]]
        if not all(texts):
            self.seen.ungrouped += 1
            return None
        value = NOTHING
        if counted > groups:
            amount = _value(one.kind, values[groups:counted])
            if amount is None:
                self.seen.valueless += 1
                return None
            value = amount
        suffix = b""
        if node.carried or own_key is not None:
            carried: list[str] = [group_text(each) for each in values[counted:]]
            suffix = orjson.dumps(carried if own_key is None else [*carried, own_key])
        return GAP.join(texts), value, suffix


def _value(kind: Kind, values: Sequence[Value | None]) -> bytes | None:
    if kind in STATISTICS:
        amount = number_of_text(values[0])
        return None if amount is None else number(amount)
    parts = [group_text(part) for part in values]
    return digest(GAP.join(parts)) if all(parts) else None
