"""Events in a cluster against what the chain says of their hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from appliance.clock import HOUR, rfc3339
from appliance.evidence.chain import Fault


class Cluster(Protocol):
    """Where events are that are not on this machine."""

    def indices(self) -> list[str]:
        """Return the names of the indices of events. Raises StoreUnavailable."""

    def documents(self, index: str) -> Iterator[tuple[str, bytes]]:
        """Yield id and JSON of every document of an index. Raises StoreUnavailable, QueryTimeout."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class SealedHour:
    """What the last entry of an hour says: how many events it had, and the digest of their sum."""

    entry: int
    events: int
    digest: str


@dataclass(slots=True)
class Compared:
    """Hours and events that were looked at, events of hours without an entry, and what is wrong."""

    hours: int = 0
    events: int = 0
    loose: int = 0
    faults: list[Fault] = field(default_factory=list)


def compare(
    cluster: Cluster, sealed: Mapping[str, Mapping[int, SealedHour]], start: int | None, end: int | None
) -> Compared:
    """Read every event of the indices and compare each hour of arrival within the range, in microseconds."""
    from appliance.store.elastic.sums import summed  # noqa: PLC0415 - NumPy, only where events are read

    found = Compared()
    for index in sorted({*sealed, *cluster.indices()}):
        hours = {hour: one for hour, one in sealed.get(index, {}).items() if _asked(hour, start, end)}
        if not hours and index in sealed:
            continue
        there = {one.hour: one for one in summed(index, cluster.documents(index)) if _asked(one.hour, start, end)}
        found.loose += sum(one.events for hour, one in there.items() if hour not in hours)
        found.hours += len(hours)
        for hour, one in sorted(hours.items()):
            events, digest = (there[hour].events, there[hour].digest) if hour in there else (0, "")
            found.events += events
            if events != one.events:
                text = f"w klastrze jest {events} zdarzeń, zaplombowano {one.events}"
                found.faults.append(Fault("zdarzenia", one.entry, _place(index, hour), text))
            elif digest != one.digest:
                text = "zdarzenia inne niż te, które zaplombowano"
                found.faults.append(Fault("zdarzenia", one.entry, _place(index, hour), text))
    return found


def _asked(hour: int, start: int | None, end: int | None) -> bool:
    return (start is None or hour + HOUR > start) and (end is None or hour < end)


def _place(index: str, hour: int) -> str:
    return f"{index}, godzina od {rfc3339(hour)}"
