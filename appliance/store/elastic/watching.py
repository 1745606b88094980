"""The check of the cluster again and again, and its last answer kept."""

from __future__ import annotations

from pathlib import Path

import structlog

from appliance.clock import MINUTE
from appliance.settings import StoreSettings
from appliance.store.elastic.check import check
from appliance.store.elastic.finding import AWAY, Watched, Weight

EVERY = 15 * MINUTE
log = structlog.get_logger()


def is_due(last: Watched | None, now: int) -> bool:
    """Return whether it is time to ask; while something is wrong it is asked each time, and a clock may go back."""
    return last is None or last.alarm is Weight.BAD or not 0 <= now - last.at < EVERY


def watch(settings: StoreSettings, kept: Path, now: int) -> Watched:
    """Ask the cluster, keep the answer and return it; what changed is logged once. Raises OSError."""
    before, findings = Watched.load(kept), tuple(check(settings))
    away = next((one for one in findings if one.code == AWAY), None)
    since = before.away_since if before is not None else None
    if away is not None and since is None:
        since = now
        log.warning("cluster_away", reason=away.text("pl"))
    elif away is None and since is not None:
        log.info("cluster_back", away_since=since)
    found = Watched(now, since if away is not None else None, findings)
    found.save(kept)
    return found
