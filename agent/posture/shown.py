"""How values are shown beside a verdict: the same in every language."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

MOST = 8


def day(moment: float) -> str:
    """Return a time (seconds since the epoch) as an ISO date."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d")


def listed(names: Iterable[str]) -> str:
    """Return how many there are and the first of them: `12: a, b, c …`."""
    all_ = sorted(set(names))
    return f"{len(all_)}: {', '.join(all_[:MOST])}{' …' if len(all_) > MOST else ''}" if all_ else ""
