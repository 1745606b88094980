"""Events by the values of fields, with measures: exact, and bounded in what is held at a time.

The engine makes groups of the values that it has in columns, page by page, so that none is left out; events with other
values (entries, texts that are too long, numbers that its floating point would round) are looked at one by one. What a
group is and what measures see: `appliance/store/groups.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.normalise.model import Event, Scalar
from appliance.search import Field, Kind, columns
from appliance.search.evaluate import elements, text_of
from appliance.store.elastic.clauses import ALL, NONE, Clause, all_of, any_of, exists, none_of, span
from appliance.store.elastic.compile import compile_node
from appliance.store.elastic.documents import kind_of
from appliance.store.elastic.mapping import LONG, NAMES, REST, TIME, TIMESTAMP
from appliance.store.elastic.measures import EXACT, HIGHEST, LOWEST, Measured
from appliance.store.elastic.questions import Asked, Questions
from appliance.store.elastic.tops import Column, Named, column_of
from appliance.store.model import Group, Groups, Measure, QueryTooLarge
from appliance.store.shape import scalar

PAGE = 5000
"""Groups in one answer of the engine."""
MOST = 200_000
"""Groups and different values that are held at a time."""
Key = tuple[Named, ...]
Fields = Sequence[Field]


@dataclass(slots=True)
class _Row:
    """A group while it is counted."""

    count: int
    measures: list[Measured]


@dataclass(slots=True)
class Grouping:
    """One question for groups."""

    questions: Questions
    asked: Asked
    by: Sequence[Fields]
    measured: Sequence[tuple[Measure, Fields]]
    held: int = 0
    rows: dict[Key, _Row] = field(default_factory=dict)

    def run(self, n: int) -> Groups:
        """Return the `n` largest groups. Raises QueryTooLarge, QueryTimeout and StoreUnavailable."""
        if self.asked.empty:
            return Groups([], more=False)
        best = self._counted(n, self._doubt())
        if any(one.rounded for _, row in best for one in row.measures):
            self.rows, self.held = {}, 0
            best = self._counted(n, ALL)
        found = [
            Group(tuple(scalar(*one) for one in key), row.count, tuple(one.value for one in row.measures))
            for key, row in best[:n]
        ]
        return Groups(found, more=len(best) > n)

    def _counted(self, n: int, doubt: Clause) -> list[tuple[Key, _Row]]:
        """Return the largest groups and one more; what `doubt` finds is looked at one by one."""
        limits, compiled = self.questions.limits(), compile_node(self.asked.node)
        doubt = any_of([compiled.doubt, doubt])
        sure = all_of([self.asked.when, compiled.sure, none_of(doubt)])
        places = _places(self.by)
        if places is not None and sure != NONE:
            for bucket in self._buckets(limits, sure, places, self._statistics()):
                self._add(bucket, places)
        wide = all_of([self.asked.when, compiled.wide, doubt, *map(_has, self.by)])
        for event in self.questions.matching(limits, self.asked, wide) if wide != NONE else ():
            self._look(event)
        best = sorted(self.rows.items(), key=_order)[: n + 1]
        if places is not None and sure != NONE and best:
            self._distinct(limits, sure, places, dict(best))
        return best

    def _doubt(self) -> Clause:
        """Return what finds the events whose values the engine does not have as they are."""
        doubts = [_uncounted(fields) for fields in self.by]
        for measure, fields in self.measured:
            place = _place(fields)
            doubts.append(_uncounted(fields))
            if measure.kind != "distinct" and place is not None and place.kind == "i":
                path = place.options["field"]
                doubts += [span(path, gt=EXACT), span(path, lt=-EXACT)]
        return any_of(doubts)

    def _statistics(self) -> dict[str, Any]:
        found = {}
        for at, (measure, fields) in enumerate(self.measured):
            place = _place(fields)
            if measure.kind != "distinct" and place is not None and place.kind == "i":
                found[str(at)] = {"stats": {"field": place.options["field"]}}
        return found

    def _buckets(self, limits: Any, query: Clause, places: Sequence[Column], inner: dict[str, Any]) -> Iterator[Any]:
        sources = [{str(at): {"terms": dict(place.options)}} for at, place in enumerate(places)]
        composite: dict[str, Any] = {"size": PAGE, "sources": sources}
        while True:
            aggs: dict[str, Any] = {"groups": {"composite": composite, **({"aggs": inner} if inner else {})}}
            answer = self.questions.ask(limits, size=0, track_total_hits=False, query=query, aggs=aggs)
            told = answer.get("aggregations", {}).get("groups", {"buckets": ()})
            yield from told["buckets"]
            if len(told["buckets"]) < PAGE:
                return
            composite["after"] = told["after_key"]

    def _add(self, bucket: Any, places: Sequence[Column]) -> None:
        row = self._row(_key(bucket["key"], places))
        row.count += bucket["doc_count"]
        for at in range(len(self.measured)):
            told = bucket.get(str(at))
            if told and told["count"]:
                row.measures[at].add_statistics(told)

    def _look(self, event: Event) -> None:
        values = [{_named(one) for one in _elements(event, fields)} for fields in self.by]
        every = [list(_elements(event, fields)) for _, fields in self.measured]
        for key in itertools.product(*values):
            row = self._row(key)
            row.count += 1
            for measured, found in zip(row.measures, every, strict=True):
                self._hold(measured.add(found))

    def _distinct(self, limits: Any, query: Clause, places: Sequence[Column], chosen: dict[Key, _Row]) -> None:
        """Count the different values in the groups that were chosen; only then, since all groups have far more."""
        narrowed = all_of([query, *(_among(place, {key[at] for key in chosen}) for at, place in enumerate(places))])
        if narrowed == NONE:
            return
        for at, (measure, fields) in enumerate(self.measured):
            place = _place(fields)
            if measure.kind != "distinct" or place is None:
                continue
            for bucket in self._buckets(limits, narrowed, [*places, place], {}):
                *key, value = _key(bucket["key"], [*places, place])
                row = chosen.get(tuple(key))
                if row is not None:
                    self._hold(row.measures[at].add_value(value))

    def _row(self, key: Key) -> _Row:
        row = self.rows.get(key)
        if row is None:
            self._hold(1)
            row = self.rows[key] = _Row(0, [Measured(measure) for measure, _ in self.measured])
        return row

    def _hold(self, more: int) -> None:
        self.held += more
        if self.held > MOST:
            raise QueryTooLarge(f"more than {MOST} groups and values")


def _order(one: tuple[Key, _Row]) -> tuple[Any, ...]:
    key, row = one
    return -row.count, *((text, kind) for kind, text in key)


def _place(fields: Fields) -> Column | None:
    return column_of(fields[0].name) if len(fields) == 1 else None


def _places(by: Sequence[Fields]) -> list[Column] | None:
    found = [_place(fields) for fields in by]
    return [one for one in found if one is not None] if None not in found else None


def _uncounted(fields: Fields) -> Clause:
    names = sorted({one.name for one in fields})
    whole = [_typed(one) for one in fields] if _place(fields) is None else []
    return any_of([*whole, {"terms": {NAMES: names}}, {"terms": {LONG: [*names, REST, NAMES]}}])


def _has(fields: Fields) -> Clause:
    return any_of([*map(_typed, fields), _uncounted(fields)])


def _typed(one: Field) -> Clause:
    if one.name not in columns():
        return NONE
    return exists(TIME if one.name == TIMESTAMP else one.name)


def _among(place: Column, values: Iterable[Named]) -> Clause:
    """Return what has one of these values, or one that differs in case alone."""
    name = str(place.options["field"])
    path = name.removesuffix(".raw")
    if name != path and columns().get(path) is Kind.IP:
        path = f"{path}.text"
    wanted = [scalar(*one) for one in values if one[0] == place.kind]
    kept = sorted(one for one in wanted if isinstance(one, str) or LOWEST <= one <= HIGHEST)
    return {"terms": {path: kept}} if kept else NONE


def _key(told: dict[str, Any], places: Sequence[Column]) -> Key:
    return tuple((str(place.kind), text_of(told[str(at)])) for at, place in enumerate(places))


def _named(element: Scalar) -> Named:
    return kind_of(element), text_of(element)


def _elements(event: Event, fields: Fields) -> Iterator[Scalar]:
    for one in fields:
        if one.name in event:
            yield from elements(event[one.name])
