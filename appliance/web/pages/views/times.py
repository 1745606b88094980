"""The stretch of time that a search covers, as the address bar and people write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from appliance.clock import DAY, HOUR, from_datetime
from appliance.language import dates

SPANS = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
DEFAULT = "24h"
_MOMENT = re.compile(r"\s*(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*\Z")
_LAST = 253_402_300_799_999_999


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` up to `end` in microseconds; `span` is a name of SPANS, `all`, or empty for two moments."""

    start: int | None
    end: int | None
    span: str
    start_text: str = ""
    end_text: str = ""
    fault: bool = False

    def address(self) -> dict[str, str]:
        """Return the parameters that ask for this stretch again."""
        if self.span:
            return {"okres": self.span}
        return {name: text for name, text in (("od", self.start_text), ("do", self.end_text)) if text}


def read_moment(text: str) -> int | None:
    """Return the microseconds of „24.11.2026, 14:03” or „24.11.2026” on Warsaw's clock. Raises ValueError."""
    if not text.strip():
        return None
    found = _MOMENT.match(text[:40])
    if found is None:
        raise ValueError(text)
    day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
    return from_datetime(datetime(year, month, day, hour, minute, second, tzinfo=dates.WARSAW))


def written_moment(micros: int) -> str:
    """Return a moment to the second as `read_moment` reads it; past the end of the calendar, that end."""
    return f"{dates.local(min(micros, _LAST)):%d.%m.%Y, %H:%M:%S}"


def stretch(values: Mapping[str, str], now: int) -> Stretch:
    """Read a stretch; two moments win over a span, and what cannot be read counts as the last day, with a fault."""
    start_text, end_text = values.get("od", "")[:40].strip(), values.get("do", "")[:40].strip()
    if start_text or end_text:
        try:
            start, end = read_moment(start_text), read_moment(end_text)
        except (ValueError, OverflowError):
            return Stretch(now - DAY, now, "", start_text, end_text, fault=True)
        if start is not None and end is not None and start >= end:
            return Stretch(now - DAY, now, "", start_text, end_text, fault=True)
        return Stretch(start, end, "", start_text, end_text)
    span = values.get("okres", "") or DEFAULT
    if span == "all":
        return Stretch(None, None, "all")
    span = span if span in SPANS else DEFAULT
    return Stretch(now - SPANS[span], now + HOUR, span)


def drawn(found: Stretch, now: int, oldest: int | None) -> tuple[int, int]:
    """Return the ends of the histogram: the stretch itself, or what the store holds where it is open."""
    end = min(found.end if found.end is not None else now, _LAST)
    if found.span in SPANS:
        end = now
    start = found.start if found.start is not None else (oldest if oldest is not None else end - DAY)
    return (start, end) if end - start >= HOUR // 60 else (end - HOUR // 60, end)
