"""Time as the box keeps it: integer microseconds since the epoch, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Return this moment in microseconds since the epoch."""
    return time.time_ns() // 1000


def to_datetime(micros: int) -> datetime:
    """Return the UTC datetime of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


def from_datetime(moment: datetime) -> int:
    """Return microseconds since the epoch of an aware datetime, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def rfc3339(micros: int) -> str:
    """Return the RFC 3339 text of microseconds since the epoch, in UTC with six digits."""
    return to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
