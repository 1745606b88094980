"""What a store lacks: segments that are damaged, and what that takes from answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.store.model import StoreUnavailable


class Harm(StrEnum):
    """What is wrong with a segment's file."""

    MISSING = "missing"
    CHANGED = "changed"
    """Its bytes are not those that were written."""
    UNREADABLE = "unreadable"
    """It is as it was written, or nobody knows, and this version cannot read it."""
    DISK = "disk"
    """The disk does not give it back."""


class SegmentDamaged(StoreUnavailable):
    """A segment's file is not what was written, or cannot be read; asked again, the rest answers."""

    def __init__(self, file: str, harm: Harm, detail: str = "") -> None:
        super().__init__(f"segment {file}: {harm}" + (f", {detail}" if detail else ""))
        self.file, self.harm, self.detail = file, harm, detail


@dataclass(frozen=True, slots=True)
class Damaged:
    """A segment that was set aside `at` a time: how many events it has, of the first and the last the time."""

    file: str
    rows: int
    start: int
    end: int
    at: int
    harm: Harm
    detail: str

    def within(self, start: int | None, end: int | None) -> bool:
        """Whether it may have events from `start` to before `end`."""
        return (start is None or self.end >= start) and (end is None or self.start < end)


@dataclass(frozen=True, slots=True)
class Missing:
    """What answers lack since segments are damaged: how many of these, their events, and the time that they span."""

    segments: int
    events: int
    start: int
    end: int

    @classmethod
    def of(cls, damaged: Sequence[Damaged]) -> Missing | None:
        """Return the sum of damaged segments, None when there are none."""
        if not damaged:
            return None
        start, end = min(one.start for one in damaged), max(one.end for one in damaged)
        return cls(len(damaged), sum(one.rows for one in damaged), start, end)
