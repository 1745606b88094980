"""Counting events by the values of fields, with measures over other fields: the SQL of it, and what comes back.

An event belongs once to each combination of its fields' values; an event without one of the fields to none. Measures
see every element: `distinct` all values, `min`, `max` and `sum` the finite numbers that fit 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appliance.search import Field
from appliance.store.model import Group, Groups, Measure
from appliance.store.shape import REST, scalar
from appliance.store.sql import Compiler, quoted
from appliance.store.values import KINDS, as_text


class GroupQuery:
    """One statement over `source` for the events that `where` names; both may use parameters of `sql`."""

    def __init__(self, sql: Compiler, source: str, where: str) -> None:
        self._sql, self._source, self._where = sql, source, where

    def text(self, by: Sequence[Sequence[Field]], measures: Sequence[tuple[Measure, Sequence[Field]]], n: int) -> str:
        """Return the statement: the `n` largest groups and one more, a row each."""
        columns = [self._elements(fields) for fields in by]
        keys = ", ".join(f"k{at}, v{at}" for at in range(len(by)))
        order = ", ".join(f"v{at}, k{at}" for at in range(len(by)))
        grouped = f"SELECT {keys}, count(*) AS c FROM {self._rows(columns)} GROUP BY {keys}"  # noqa: S608 - as below
        parts = [f"g AS ({grouped} ORDER BY c DESC, {order} LIMIT {n + 1})"]
        for at, (measure, fields) in enumerate(measures):
            rows = self._rows([*columns, self._elements(fields, distinct=False)])
            k, v = f"k{len(by)}", f"v{len(by)}"
            chosen = f"SELECT {keys}, {_aggregates(measure, k, v)} FROM {rows} SEMI JOIN g USING ({keys})"  # noqa: S608 - as below
            chosen += f" GROUP BY {keys}"
            parts.append(f"m{at} AS ({chosen})")
        joined = " ".join(f"LEFT JOIN m{at} USING ({keys})" for at in range(len(measures)))
        wanted = ", ".join([keys, "c", *(f"m{at}.i AS i{at}, m{at}.f AS f{at}" for at in range(len(measures)))])
        return f"WITH {', '.join(parts)} SELECT {wanted} FROM g {joined} ORDER BY c DESC, {order}"  # noqa: S608 - names are ours, values are bound

    def _elements(self, fields: Sequence[Field], *, distinct: bool = True) -> list[str]:
        """Return the sources of a field's elements: one list of (k, v) an event, each as an expression."""
        parts: list[str] = []
        for field in fields:
            for column, kind in self._sql.columns.get(field.name, ()):
                one = f"[{{'k': '{KINDS[kind]}', 'v': {as_text(column, kind)}}}]"
                parts.append(f"CASE WHEN {quoted(column)} IS NOT NULL THEN {one} ELSE [] END")
            if self._sql.rest is None or field.name in self._sql.rest:
                name = self._sql.bind(field.name)
                entries = f"list_filter({REST}, lambda x: x.n = {name} AND x.k <> 'E')"
                parts.append(f"coalesce(list_transform({entries}, lambda x: {{'k': lower(x.k), 'v': x.v}}), [])")
        if distinct and len(parts) > 1:
            return [f"list_distinct(list_concat({', '.join(parts)}))"]
        return [f"list_distinct({parts[0]})"] if distinct and parts and parts[0].startswith("coalesce") else parts

    def _rows(self, columns: Sequence[Sequence[str]]) -> str:
        """Return a relation with k0, v0, k1, v1, …: a row for each combination of an event's elements."""
        lists = ", ".join(f"{_joined(parts)} AS l{at}" for at, parts in enumerate(columns))
        rows = f"(SELECT {lists} FROM {self._source} WHERE {self._where})"  # noqa: S608 - as above
        for at in range(len(columns)):
            rows = f"(SELECT *, unnest(l{at}) AS e{at} FROM {rows})"  # noqa: S608 - as above
        keys = ", ".join(f"e{at}.k AS k{at}, e{at}.v AS v{at}" for at in range(len(columns)))
        return f"(SELECT {keys} FROM {rows})"  # noqa: S608 - as above


def _joined(parts: Sequence[str]) -> str:
    if not parts:
        return "[]::STRUCT(k VARCHAR, v VARCHAR)[]"
    return parts[0] if len(parts) == 1 else f"list_concat({', '.join(parts)})"


def _aggregates(measure: Measure, k: str, v: str) -> str:
    if measure.kind == "distinct":
        return f"count(DISTINCT {k} || {v}) AS i, NULL::DOUBLE AS f"
    whole = f"CASE WHEN {k} = 'i' THEN TRY_CAST({v} AS BIGINT) END"
    number = f"CASE WHEN {k} = 'f' AND isfinite(TRY_CAST({v} AS DOUBLE)) THEN TRY_CAST({v} AS DOUBLE) END"
    return f"{measure.kind}({whole}) AS i, {measure.kind}({number}) AS f"


def groups(table: Any, fields: int, measures: Sequence[Measure], n: int) -> Groups:
    """Return what the statement found."""
    rows = table.to_pylist()
    made = [
        Group(
            tuple(scalar(row[f"k{at}"], row[f"v{at}"]) for at in range(fields)),
            row["c"],
            tuple(_value(measure, row[f"i{at}"], row[f"f{at}"]) for at, measure in enumerate(measures)),
        )
        for row in rows[:n]
    ]
    return Groups(made, more=len(rows) > n)


def _value(measure: Measure, whole: int | None, number: float | None) -> int | float | None:
    if measure.kind == "distinct":
        return whole or 0
    # Sums of integers come as decimals.
    both = [one for one in (None if whole is None else int(whole), number) if one is not None]
    if not both:
        return None
    return sum(both) if measure.kind == "sum" else (min if measure.kind == "min" else max)(both)
