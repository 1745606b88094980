"""Whether a pack has all that the chain says of its time or its alert: who has the key could leave something out.

Part of the standalone verifier (appliance/evidence/standalone.py): the standard library of Python 3.9, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

ACTS = ("alert", "decision", "alert_events")
HARMS = {
    "missing": "nie ma go w folderze",
    "changed": "ma inną treść, niż zapisano",
    "unreadable": "ta wersja programu go nie odczyta",
    "disk": "dysk go nie oddaje",
}
"""What is wrong with a segment's file that was set aside."""


class Span(NamedTuple):
    """A time, in microseconds, `end` not in it; None is open."""

    start: int | None
    end: int | None

    def meets(self, first: int, last: int) -> bool:
        """Say whether a time has to do with this one; `last` is in it."""
        return (self.start is None or last >= self.start) and (self.end is None or first < self.end)

    def covered(self, count: int, opened: dict[int, tuple[int, int]]) -> bool:
        """Say whether the opened ones of `count` blocks, with times of their first and last events, have all of it.

        A segment's events stand in the order of their times, so one outside at each end proves that none is left out.
        """
        if not opened or sorted(opened) != list(range(min(opened), max(opened) + 1)):
            return False
        low = min(opened) == 0 or (self.start is not None and opened[min(opened)][0] < self.start)
        high = max(opened) == count - 1 or (self.end is not None and opened[max(opened)][1] >= self.end)
        return low and high

    def __str__(self) -> str:
        return " – ".join("…" if at is None else _utc(at) for at in self)


def _utc(at: int) -> str:
    try:
        return f"{datetime(1970, 1, 1) + timedelta(microseconds=at):%Y-%m-%dT%H:%M:%SZ}"  # noqa: DTZ001 - UTC
    except OverflowError:
        return str(at)


class Lacking(NamedTuple):
    """A segment that a pack says it lacks; times in microseconds, `entry` None where it was never sealed."""

    entry: int | None
    file: str
    rows: int
    first: int
    last: int
    why: str

    @classmethod
    def of(cls, gap: dict[str, Any]) -> Lacking:
        """Take in what a pack says. Raises WRONG."""
        rows, first, last = (range(gap[name]).stop for name in ("rows", "min_time", "max_time"))
        return cls(gap["entry"], str(gap["file"]), rows, first, last, str(gap["why"]))

    def __str__(self) -> str:
        seal = "bez wpisu" if self.entry is None else f"wpis {self.entry}"
        why = HARMS.get(self.why, self.why)
        return f"brakuje segmentu {self.file} ({seal}), zdarzenia: {self.rows}, {Span(self.first, self.last)}: {why}"


class Told:
    """What the entries of a chain say: segments, alerts and hours of a cluster."""

    def __init__(self) -> None:
        self.begins: tuple[int, int] | None = None
        """Number and time of the first entry."""
        self.events: dict[int, set[str]] = {}
        """Ids of the events that an alert rests on."""
        self._segments: dict[int, tuple[str, int, int, int]] = {}
        self._gone: dict[int, str] = {}
        self._acts: dict[int, dict[int, int | None]] = {}
        """Of an alert the numbers of its entries with their times, None for one without."""

    def take(self, entry: dict[str, Any]) -> None:
        """Take an entry in. Raises WRONG."""
        kind, number, payload = entry["kind"], entry["number"], entry["payload"]
        if self.begins is None:
            self.begins = number, entry["at"]
        if kind == "segment":
            about = payload["file"], payload["rows"], payload["min_time"], payload["max_time"]
            self._segments[number] = about
        elif kind in ("replaced", "deletion", "lost"):
            for one in {"replaced": payload.get("old"), "deletion": payload.get("files")}.get(kind, [payload]):
                self._gone[one["entry"]] = kind
        elif kind in ACTS:
            self._acts.setdefault(payload["alert"], {})[number] = payload.get("at")
            named = [name for name, _, _ in payload.get("events", ())]
            self.events.setdefault(payload["alert"], set()).update(named)

    def segments(self, span: Span, fate: str = "") -> dict[int, str]:
        """Return the files, by entry, of segments around a time: those in force, or those that met with a fate."""
        found = self._segments.items()
        return {
            number: file
            for number, (file, _, first, last) in found
            if self._gone.get(number, "") == fate and span.meets(first, last)
        }

    def sealed(self, number: int) -> tuple[str, int, int, int] | None:
        """Return file, rows and times of the first and last event of a segment in force, by its entry."""
        return None if number in self._gone else self._segments.get(number)

    def alerts(self, span: Span) -> set[int]:
        """Return the alerts with which something was done in a time."""
        return {
            alert
            for alert, acts in self._acts.items()
            if any(at is not None and span.meets(at, at) for at in acts.values())
        }

    def left_out(self, given: dict[int, set[int]]) -> Iterator[tuple[int, list[int]]]:
        """Yield alerts that are given without some of their entries, and the numbers of these."""
        for alert, numbers in sorted(given.items()):
            rest = sorted(self._acts.get(alert, {}).keys() - numbers)
            if rest:
                yield alert, rest
