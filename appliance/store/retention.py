"""What goes: by age in days of arrival, a class at a time, then by size; what is held stays. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from appliance.clock import DAY, to_datetime
from appliance.store.manifest import Segment
from appliance.store.model import Keeping, Retained


@dataclass(frozen=True, slots=True)
class Gone:
    """Segments of one day of arrival and one class to delete, and why: `age` or `size`."""

    day: int
    source_class: str
    reason: str
    segments: list[Segment]


@dataclass(slots=True)
class Choice:
    """What to delete, oldest first, and what a hold keeps although it should go."""

    gone: list[Gone] = field(default_factory=list)
    held: list[Segment] = field(default_factory=list)
    over: int = 0
    """Bytes that are still too many: what is left is of today or held."""


def choose(segments: Sequence[Segment], today: int, keeping: Keeping, held: Callable[[Segment], bool]) -> Choice:
    """Return what to delete; `held` says whether a hold keeps a segment, and is asked of no others than would go.

    A day is a day of arrival, so that neither a wrong clock on a station nor an import of old logs decides. Today
    is never deleted. By size, classes that are kept longest go last, and of each the oldest days go first.
    """
    groups: dict[tuple[int, str], list[Segment]] = defaultdict(list)
    for segment in segments:
        if segment.day < today:
            groups[segment.day, segment.source_class].append(segment)
    choice, total = Choice(), sum(segment.bytes for segment in segments)
    for reason, group in in_order(groups, today, keeping):
        if reason == "size" and (keeping.max_bytes is None or total <= keeping.max_bytes):
            break
        parts = [segment for segment in groups[group] if not _kept(segment, choice, held)]
        total -= sum(segment.bytes for segment in parts)
        if parts:
            choice.gone.append(Gone(*group, reason, parts))
    choice.over = 0 if keeping.max_bytes is None else max(0, total - keeping.max_bytes)
    return choice


def in_order(groups: Collection[tuple[int, str]], today: int, keeping: Keeping) -> list[tuple[str, tuple[int, str]]]:
    """Return days before today and their classes in the order in which they go, and why each would go.

    First what is past its days, by day (`age`); then, as far as need be, the rest (`size`).
    """
    past = [group for group in groups if group[0] < today]
    aged = {group for group in past if group[0] < today - keeping.of(group[1])}
    rest = sorted({*past} - aged, key=lambda group: (keeping.of(group[1]), group))
    return [("age", group) for group in sorted(aged)] + [("size", group) for group in rest]


def _kept(segment: Segment, choice: Choice, held: Callable[[Segment], bool]) -> bool:
    if not held(segment):
        return False
    choice.held.append(segment)
    return True


def summary(choice: Choice) -> Retained:
    """Return the totals of a choice."""
    parts = [segment for gone in choice.gone for segment in gone.segments]
    early = [segment for gone in choice.gone if gone.reason == "size" for segment in gone.segments]
    last = max((gone.day for gone in choice.gone), default=None)
    return Retained(
        events=sum(one.rows for one in parts),
        bytes=sum(one.bytes for one in parts),
        segments=len(parts),
        upto=None if last is None else to_datetime(last * DAY).strftime("%Y-%m-%d"),
        early=sum(one.rows for one in early),
        held=sum(one.rows for one in choice.held),
        over=choice.over,
    )
