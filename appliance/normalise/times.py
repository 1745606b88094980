"""Times as sources write them, to integer microseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - for times without a zone, which are UTC
_DAY = 86_400
EARLIEST = -11_644_473_600_000_000
"""1601-01-01, where Windows begins to count."""
LATEST = 253_402_300_799_999_999
"""The last microsecond of year 9999."""
_FILETIME_OFFSET = 11_644_473_600_000_000
_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,9})?", re.ASCII)


def parse_time(value: object) -> int | None:
    """Return microseconds since the epoch of RFC 3339 text (up to 9 digits; no zone means UTC) or integer microseconds.

    Anything else, and anything before 1601 or after 9999, is None.
    """
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if EARLIEST <= value <= LATEST else None
    return None


def _parse_text(text: str) -> int | None:
    if len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        since = moment - (_EPOCH if moment.tzinfo else _NAIVE_EPOCH)
        micros = (since.days * _DAY + since.seconds) * 1_000_000 + since.microseconds
    except (ValueError, OverflowError):
        return None
    return micros if EARLIEST <= micros <= LATEST else None


def guess_time(value: object) -> int | None:
    """Return microseconds since the epoch of a foreign time: as `parse_time`, and numbers by their size.

    Seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, FILETIME (100 ns since 1601) below 1e18,
    else nanoseconds.
    """
    if isinstance(value, str):
        if value[4:5] == "-" or not _NUMBER.fullmatch(value):
            return _parse_text(value)
        value = float(value) if "." in value else int(value)
    elif isinstance(value, bool):
        return None
    if isinstance(value, float):
        return parse_time(round(value * 1_000_000)) if abs(value) < 1e11 else guess_time(_whole(value))
    if isinstance(value, int):
        return parse_time(_by_size(value))
    return None


def _whole(value: float) -> int | None:
    return int(value) if abs(value) < 1e19 else None


def _by_size(number: int) -> int:
    size = abs(number)
    if size < 10**11:
        return number * 1_000_000
    if size < 10**14:
        return number * 1000
    if size < 10**17:
        return number
    return number // 10 - _FILETIME_OFFSET if size < 10**18 else number // 1000
