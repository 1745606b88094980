"""What the last check of the cluster found, as rows with a state, a sentence and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.store.elastic.finding import AWAY, Weight
from appliance.web.context import Context

KINDS = {Weight.GOOD: "ok", Weight.WARN: "late", Weight.BAD: "bad"}
"""How the marks of states are called on pages."""


@dataclass(frozen=True, slots=True)
class Row:
    """One finding; `since` (microseconds) for a cluster that is away."""

    kind: str
    text: str
    advice: str
    since: int | None


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The rows, the worst first, when they were found, and since when the cluster is away (microseconds)."""

    at: int
    away_since: int | None
    alarm: str
    rows: tuple[Row, ...]


def cluster_view(context: Context, lang: str) -> ClusterView | None:
    """Return what is known of the cluster, None where there is none or nothing is known yet."""
    told = context.watched()
    if told is None:
        return None
    order = list(KINDS)
    rows = [
        Row(KINDS[one.weight], one.text(lang), one.advice(lang), told.away_since if one.code == AWAY else None)
        for one in sorted(told.findings, key=lambda one: -order.index(one.weight))
    ]
    return ClusterView(told.at, told.away_since, KINDS[told.alarm], tuple(rows))
