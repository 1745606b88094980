"""A hit of a rule as a correlation takes it: its group, its value, and what must be carried along.

Reading hits needs rules and nothing else, so any process may do it; remembering them is the correlator's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import itemgetter
from typing import TypeVar

import orjson

from appliance.detect.engine import field_names
from appliance.detect.model import Rule, RuleSet
from appliance.detect.routes import shipped_routes
from appliance.detect.values import Event, Value
from appliance.normalise.fields import told_twice

from .entry import NOTHING, bounded, digest, identity_of, number, tail
from .fields import GAP, FieldKeys, Keys, canonical, group_key, group_text, number_of_text
from .plan import Node, make_plan
from .resolve import resolve

#: Sets of rules, by classes of events, of which it is remembered where their hits go.
_WAYS = 4096
_Read = TypeVar("_Read")
Found = tuple[str, bytes, bytes]
"""Key of the group, value, suffix of the entry."""

Values = Sequence[Value | None]
Getter = Callable[[Event], Values]
"""Takes values out of an event; raises KeyError where one is missing."""
Reader = Callable[[Values], bytes | None]
"""What an entry keeps of values that are counted or computed with; None where they cannot be."""


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

    def add(self, other: Seen) -> None:
        """Count what somebody else has seen."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


Offer = tuple[bytes, int, int | None, str, Sequence[tuple[int, str, bytes]]]
"""What correlations take of an event: its id, when it happened and arrived, its sender, and its places in groups.

Of each place the number of the node, the key of the group, and what the entry ends with.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule's hits on events of one class go: a node, the rule's bit there, the event keys that are read.

    What several places read is read once: `group` and `value` are the places of their keys in the way's lists.
    """

    node: Node
    bit: int
    keys: Keys
    group: int
    value: int | None
    """None where nothing but the group is read from the event."""
    plain: bytes
    """What entries end with that have no value."""


@dataclass(frozen=True, slots=True)
class Way:
    """All places of the rules that an event matched; `shared` when a node is among them more than once."""

    places: Sequence[Place]
    groups: Sequence[tuple[Callable[[Values], str | None], Getter]]
    values: Sequence[tuple[Reader, Getter]]
    shared: bool
    accounts: Keys
    """Keys that are read and may tell an account twice."""


class Hits:
    """Reads hits of the rules in `uses`; what cannot be used is counted."""

    def __init__(self, uses: Mapping[str, Sequence[tuple[Node, int]]], keys: FieldKeys, seen: Seen) -> None:
        self._uses, self._keys, self.seen = uses, keys, seen
        self._ways: dict[tuple[object, ...], Way] = {}

    def read(self, event: Event, rules: Sequence[Rule]) -> Offer | None:
        """What correlations take of an event and the rules that it matched; None where none refers to such a rule.

        The event has `event.id`, `@timestamp` and `agent.id`; without `event.ingested` it came at once.
        """
        uses = self._uses
        for rule in rules:  # a loop is three times as fast as any(), and this runs for every event that matched
            if rule.id in uses:
                break
        else:
            return None
        get = event.get
        time, ingested = event["@timestamp"], get("event.ingested")
        assert isinstance(time, int)
        kind = (
            rules[0].id if len(rules) == 1 else tuple([rule.id for rule in rules]),
            get("event.module"), get("winlog.channel"), get("event.code"), get("event.category"),
        )  # fmt: skip
        way = self._ways.get(kind) or self._new_way(kind, event, rules)
        if way.accounts:
            event = canonical(event, way.accounts)
        self.seen.hits += len(way.places)
        source = get("agent.id", "")
        return (
            identity_of(str(event["event.id"])),
            bounded(time),
            ingested if isinstance(ingested, int) else None,
            source if type(source) is str else str(source),
            self._joined(event, way.places) if way.shared else self._places(event, way),
        )

    def _new_way(self, kind: tuple[object, ...], event: Event, rules: Sequence[Rule]) -> Way:
        if len(self._ways) >= _WAYS:
            self._ways.clear()
        way = self._ways[kind] = self._way(event, rules)
        return way

    def _way(self, event: Event, rules: Sequence[Rule]) -> Way:
        groups: dict[Keys, int] = {}
        values: dict[tuple[Reader, Keys], int] = {}
        places = []
        for rule in rules:
            for node, place in self._uses.get(rule.id, ()):
                keys = self._keys.keys(rule, event, node.names[place])
                value = None
                if node.counted > node.grouped:
                    counted = _reader(node), keys[node.grouped : node.counted]
                    value = values.setdefault(counted, len(values))
                group = groups.setdefault(keys[: node.grouped], len(groups))
                places.append(Place(node, 1 << place, keys, group, value, tail(1 << place)))
        counts = [(read, _getter(keys)) for read, keys in values]
        shared = len({place.node for place in places}) < len(places)
        accounts = tuple(told_twice().intersection(key for place in places for key in place.keys))
        return Way(places, [(group_key, _getter(keys)) for keys in groups], counts, shared, accounts)

    def _places(self, event: Event, way: Way) -> list[tuple[int, str, bytes]]:
        groups = _each(event, way.groups)
        values = _each(event, way.values) if way.values else []
        found = []
        for place in way.places:
            key, node = groups[place.group], place.node
            if node.carried:
                belongs = self.checked(node, [event.get(key) for key in place.keys])
                if belongs is not None:
                    found.append((node.number, belongs[0], tail(place.bit, *belongs[1:])))
            elif key is None:
                self.seen.ungrouped += 1
            elif place.value is None:
                found.append((node.number, key, place.plain))
            elif (value := values[place.value]) is None:
                self.seen.valueless += 1
            else:
                found.append((node.number, key, tail(place.bit, value)))
        return found

    def _joined(self, event: Event, places: Sequence[Place]) -> list[tuple[int, str, bytes]]:
        """One entry for several rules that put the event into the same group."""
        masks: dict[tuple[Node, Found], int] = {}
        for place in places:
            belongs = self.checked(place.node, [event.get(key) for key in place.keys])
            if belongs is not None:
                where = place.node, belongs
                masks[where] = masks.get(where, 0) | place.bit
        return [(node.number, key, tail(mask, value, suffix)) for (node, (key, value, suffix)), mask in masks.items()]

    def checked(self, node: Node, values: Values, own_key: str | None = None) -> Found | None:
        """Where values belong, in the order of `node.names`; `own_key` is the group of a match that is passed on."""
        groups, counted = node.grouped, node.counted
        key = group_key(values[:groups])
        if key is None:
            self.seen.ungrouped += 1
            return None
        value = NOTHING
        if counted > groups:
            amount = _reader(node)(values[groups:counted])
            if amount is None:
                self.seen.valueless += 1
                return None
            value = amount
        suffix = b""
        if node.carried or own_key is not None:
            carried: list[str] = [group_text(each) for each in values[counted:]]
            suffix = orjson.dumps(carried if own_key is None else [*carried, own_key])
        return key, value, suffix


def _each(event: Event, readings: Sequence[tuple[Callable[[Values], _Read | None], Getter]]) -> list[_Read | None]:
    """What is read of an event; None where it lacks a value."""
    found: list[_Read | None] = []
    for read, getter in readings:
        try:
            found.append(read(getter(event)))
        except KeyError:
            found.append(None)
    return found


def _getter(keys: Keys) -> Getter:
    if len(keys) > 1:
        return itemgetter(*keys)
    if not keys:
        return lambda _: ()
    (key,) = keys
    return lambda event: (event[key],)


def hits_for(ruleset: RuleSet) -> Hits:
    """What reads hits for a correlator of the same rules, wherever that is."""
    plan = make_plan(resolve(ruleset.rules, ruleset.correlations), 0)
    return Hits(plan.uses, FieldKeys(shipped_routes(), field_names), Seen())


@lru_cache(maxsize=1 << 14)
def _known_digest(text: str) -> bytes | None:
    found = group_text(text)
    return digest(found) if found else None


def _reader(node: Node) -> Reader:
    return _amount if node.numeric else _counted


def _amount(values: Values) -> bytes | None:
    amount = number_of_text(values[0])
    return None if amount is None else number(amount)


def _counted(values: Values) -> bytes | None:
    first = values[0]
    if type(first) is str and len(values) == 1:
        return _known_digest(first)
    parts = [group_text(part) for part in values]
    return digest(GAP.join(parts)) if all(parts) else None
