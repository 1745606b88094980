"""Moves history from one store to another: slice by slice of time, each compared, so that it can stop and go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.store.elastic.documents import arrival
from appliance.store.model import Store
from appliance.store.scan import slices
from appliance.store.shape import encode
from appliance.store.writer import EmbeddedStore

DENSE = 200_000
"""Events of one slice of the target that are compared at most; what was there before counts too."""


class CopyFault(RuntimeError):
    """The target does not give back what was written; the text names the times."""


Put = Callable[[Sequence[Event]], None]
"""Writes events, some of which may be there already; they can be read when it returns. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a copy is: every event before `upto` (microseconds; None at the start) is there and compared.

    `digest` is the sum of their digests (`digest_of`), `events` their number.
    """

    upto: int | None = None
    events: int = 0
    digest: str = ""

    @classmethod
    def load(cls, path: Path) -> Copied:
        """Return how far an earlier run came; the start when there was none. Raises ValueError for a broken file."""
        return cls(**json.loads(path.read_text("utf-8"))) if path.is_file() else cls()

    def save(self, path: Path) -> None:
        """Write it down, whole or not at all."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), "utf-8")
        part.replace(path)


def copy(source: Store, put: Put, check: Store, progress: Path, tell: Callable[[Copied], None]) -> Copied:
    """Copy all events of `source`, from where an earlier run stopped; return how far it came.

    `check` reads the target. Raises CopyFault, StoreUnavailable and QueryTimeout; the next call goes on.
    """
    done = Copied.load(progress)
    for start, stop, events in slices(source, done.upto):
        if events:
            put(events)
            _compare(events, check.between(start, max(stop, start + 1), DENSE), start, stop)
        done = Copied(stop, done.events + len(events), _sum(done.digest, digest_of(events)))
        if stop > start:
            done.save(progress)
            tell(done)
    return done


class EmbeddedTarget:
    """The embedded store as a target. Events keep their day of arrival, by which they will one day be deleted."""

    def __init__(self, folder: Path) -> None:
        self._at = 0
        self._store = EmbeddedStore(folder, now=lambda: self._at)

    def put(self, events: Sequence[Event]) -> None:
        """Write events, some of which may be there already. Raises StoreUnavailable."""
        by_day: dict[int, list[Event]] = {}
        for event in events:
            by_day.setdefault(arrival(event) // DAY, []).append(event)
        for day, part in sorted(by_day.items()):
            self._at = day * DAY
            self._store.append(encode(part), [], self._store.applied())

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()


def _compare(events: Sequence[Event], found: Sequence[Event] | None, start: int, stop: int) -> None:
    if found is None:
        raise CopyFault(f"więcej niż {DENSE} zdarzeń w celu od {start} do {stop} (µs): nie ma jak ich porównać")
    ids = {event["event.id"] for event in events}
    there = [event for event in found if event["event.id"] in ids]
    if len(there) != len(events) or digest_of(there) != digest_of(events):
        raise CopyFault(f"od {start} do {stop} (µs) zapisano {len(events)} zdarzeń, a odczytano {len(there)} lub inne")


def digest_of(events: Iterable[Event]) -> str:
    """Return the sum of the events' SHA-256 digests: the same for any order of theirs and of their fields."""
    total = ""
    for event in events:
        text = repr(sorted((name, repr(value)) for name, value in event.items()))
        total = _sum(total, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    return total


def _sum(one: str, other: str) -> str:
    return f"{(int(one or '0', 16) + int(other or '0', 16)) % (1 << 256):064x}"
