"""The most frequent values of fields: the SQL of it."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.search import Field
from appliance.store.shape import REST
from appliance.store.sql import Compiler, quoted

KINDS = {"s": "s", "l": "i", "b": "b", "id": "s"}
"""Physical type of a column → the kind that `scalar` reads."""


def frequent(sql: Compiler, source: str, where: str, wanted: Sequence[Field], n: int, *, prefix: str) -> str | None:
    """Return a statement that gives kind, text and count of the `n` most frequent values; None when there are none.

    `prefix` is folded text with which the values begin. An event counts once for each of its values.
    """
    parts: list[str] = []
    for field in wanted:
        for column, kind in sql.columns.get(field.name, ()):
            cell = as_text(column, kind)
            parts.append(
                f"SELECT '{KINDS[kind]}' AS k, {cell} AS v, count(*) AS c FROM {source}"  # noqa: S608 - names are ours, values are bound
                f" WHERE {where} AND {quoted(column)} IS NOT NULL GROUP BY v"
            )
        if sql.rest is None or field.name in sql.rest:
            name = sql.bind(field.name)
            entries = f"list_filter({REST}, lambda x: x.n = {name} AND x.k <> 'E')"
            unnested = f"SELECT unnest(list_distinct({entries})) AS e FROM {source} WHERE {where}"  # noqa: S608 - names are ours, values are bound
            parts.append(f"SELECT lower(e.k) AS k, e.v AS v, count(*) AS c FROM ({unnested}) GROUP BY ALL")  # noqa: S608 - names are ours, values are bound
    if not parts:
        return None
    begins = f" WHERE starts_with(lower(v), {sql.bind(prefix)})" if prefix else ""
    every = " UNION ALL ".join(parts)
    return f"SELECT k, v, sum(c)::BIGINT AS c FROM ({every}){begins} GROUP BY k, v ORDER BY c DESC, v, k LIMIT {n}"  # noqa: S608 - names are ours, values are bound


def as_text(column: str, kind: str) -> str:
    """Return the expression of a column's values as text."""
    return f"lower(hex({quoted(column)}))" if kind == "id" else f"CAST({quoted(column)} AS VARCHAR)"
