"""What goes into and comes out of the store, and the interface that each kind of store offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast, get_args

from appliance.normalise.model import Event, Scalar, Value
from appliance.search import Fields, Node

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from appliance.store.missing import Damaged
    from appliance.store.shape import Rows


class StoreUnavailable(RuntimeError):
    """The store cannot write or answer now (disk full, database locked); nothing is half done, try again."""


class QueryTimeout(RuntimeError):
    """A question took longer than its bound and was stopped."""


class QueryStopped(QueryTimeout):
    """A question was stopped by the one who asked it."""


class QueryTooLarge(StoreUnavailable):
    """A question needs more memory than it may have; a narrower one is answered."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one batch of the journal: records read, events stored, already known, dead-lettered."""

    seq: int
    source: str
    read: int
    stored: int
    known: int
    dead: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between events, ordered by time and then id."""

    time: int
    id: str

    def __str__(self) -> str:
        return f"{self.time}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return the cursor that `str` wrote. Raises ValueError."""
        time, separator, identity = text.partition(".")
        if not separator or len(identity) != 32 or len(bytes.fromhex(identity)) != 16 or len(time) > 20:
            raise ValueError(f"not a cursor: {text[:60]!r}")
        return cls(int(time), identity)

    def left(self, start: int | None, end: int | None, *, descending: bool) -> tuple[int | None, int | None]:
        """Return what of a time, from `start` to before `end`, has events past this place."""
        if descending:
            return start, self.time + 1 if end is None else min(end, self.time + 1)
        return self.time if start is None else max(start, self.time), end


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and the cursor to hand in as `after` for the next ones; None at the end.

    `scanned` is how many stored events lie in the time range that was looked through for this page.
    """

    events: list[Event]
    next: str | None
    scanned: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Events from `start` (microseconds) until the next bucket's start."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class ProcessNode:
    """An event of a process, and the id of the event that is its parent's; None at the top."""

    event: Event
    parent: str | None


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """Nodes, each after its parent; not `complete` when a bound cut something off."""

    nodes: list[ProcessNode]
    complete: bool


MeasureKind = Literal["distinct", "min", "max", "sum"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What to work out of a field's values in each group: how many there are, or the least, largest, sum of numbers."""

    kind: MeasureKind
    field: str

    @classmethod
    def parse(cls, text: str) -> Measure:
        """Return the measure that `distinct:source.ip` and its like write. Raises ValueError."""
        kind, colon, name = text.partition(":")
        if kind not in get_args(MeasureKind) or not colon or not name:
            raise ValueError(f"not a measure: {text[:60]!r}")
        return cls(cast("MeasureKind", kind), name)


@dataclass(frozen=True, slots=True)
class Group:
    """The values that a group's events have in common, how many events there are, and its measures in their order."""

    key: tuple[Scalar, ...]
    count: int
    measures: tuple[int | float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups, the largest first, equal ones by their values' text; `more` = there are others."""

    rows: list[Group]
    more: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """Size of the store. `oldest` and `newest` are times of events, None when it is empty."""

    events: int
    bytes: int
    segments: int
    oldest: int | None
    newest: int | None

    @property
    def bytes_per_event(self) -> float:
        """Bytes on disk for one event, 0 when the store is empty."""
        return self.bytes / self.events if self.events else 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits on this machine for a store that is elsewhere; times in microseconds.

    `bytes` are on disk, of at most `max_bytes`. `failing_since` and `reason` (Polish) say what keeps it; None and
    empty while all is well.
    """

    events: int
    bytes: int
    max_bytes: int
    oldest_at: int | None
    failing_since: int | None
    reason: str

    def lasts(self, now: int) -> int | None:
        """Return for how long (microseconds) there is room at the pace of what waits; None when nothing does."""
        if self.oldest_at is None or self.bytes <= 0 or now <= self.oldest_at:
            return None
        return max(0, (self.max_bytes - self.bytes) * (now - self.oldest_at) // self.bytes)


@dataclass(frozen=True, slots=True)
class Hold:
    """Events that must stay: those from `start` to before `end`, in microseconds, of one host or, with "", of all."""

    start: int
    end: int
    host: str = ""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: days by class of events, bytes in all or None, and what must stay whatever those say."""

    days: Mapping[str, int]
    max_bytes: int | None = None
    holds: Sequence[Hold] = ()

    def of(self, source_class: str) -> int:
        """Return the days of a class; of an unknown one the most that any has."""
        return self.days.get(source_class, max(self.days.values()))


@dataclass(frozen=True, slots=True)
class Retained:
    """What one run of retention deleted, and the newest day of arrival (YYYY-MM-DD) among it.

    `early` of the events went before their days were over, since the store was too large; `held` events stayed past
    their time; the store is `over` its bytes by so many, since what is left is held or of today.
    """

    events: int
    bytes: int
    segments: int
    upto: str | None
    early: int = 0
    held: int = 0
    over: int = 0


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What the store has of one day of arrival (since 1970) and one class of events."""

    day: int
    source_class: str
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """When something was last done to the store, in microseconds, and what it told of it."""

    at: int
    told: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the store has by day and class, oldest day first, and when it was last tidied and cleared.

    `compaction` tells `merges`; `retention` tells the numbers of `Retained`. None = not yet.
    """

    days: Sequence[DayUsage]
    compaction: Run | None
    retention: Run | None


class StoreWriter(Protocol):
    """What the pipeline needs of a store. One writer at a time."""

    def applied(self) -> int:
        """Return the journal seq up to which events are in the store."""

    def known(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of these events the store already has, exactly."""

    def append(self, rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        """Add events, results and the journal seq, all or nothing. Raises StoreUnavailable."""

    def flush(self) -> None:
        """Make everything that was appended visible to readers."""

    def compact(self, budget_seconds: float) -> int:
        """Tidy up for at most about this long; return how many steps were done."""

    def retain(self, keeping: Keeping) -> Retained:
        """Delete what is past the days of its class, then the oldest days past the bytes; what is held stays."""

    def forget_results(self, below: int) -> int:
        """Forget results of batches below a journal seq, which nobody can ask for, within a bound; return how many."""

    def close(self) -> None:
        """Let go of files; the store is not used after."""


class Store(Protocol):
    """Questions to a store, from any process. Times are microseconds, `start` inclusive, `end` exclusive.

    Each raises QueryError for a query that is not understood, QueryTimeout, and StoreUnavailable.
    """

    def fields(self) -> Fields:
        """Return the names that a query may use."""

    def search(
        self,
        query: Node | str,
        start: int | None = None,
        end: int | None = None,
        limit: int = 50,
        after: Cursor | str | None = None,
        *,
        descending: bool = True,
    ) -> Page:
        """Return events that answer a query, newest first unless told otherwise."""

    def between(self, start: int, end: int, limit: int) -> list[Event] | None:
        """Return all events of a range of time by time and id; None when there are more than `limit`."""

    def count(self, query: Node | str, start: int | None = None, end: int | None = None) -> int:
        """Return how many events answer a query."""

    def histogram(self, query: Node | str, start: int, end: int, buckets: int) -> list[Bucket]:
        """Return the counts in `buckets` equal parts of the time range."""

    def top(
        self, query: Node | str, field: str, n: int = 20, start: int | None = None, end: int | None = None
    ) -> list[tuple[Value, int]]:
        """Return the most frequent values of a field and how many events have each."""

    def values(
        self, field: str, prefix: str = "", n: int = 20, start: int | None = None, end: int | None = None
    ) -> list[tuple[Value, int]]:
        """Return frequent values of a field that begin with a text, out of the newest events of the time."""

    def group(
        self,
        query: Node | str,
        by: Sequence[str],
        measures: Sequence[Measure] = (),
        *,
        n: int = 100,
        start: int | None = None,
        end: int | None = None,
    ) -> Groups:
        """Return the largest groups of events with the same values of all fields in `by`."""

    def get(self, event_id: str, at: int | None = None) -> Event | None:
        """Return one event; its time `at`, if known, makes this fast."""

    def around(self, event_id: str, micros: int, limit: int = 100, at: int | None = None) -> list[Event]:
        """Return the events of the same host nearest to an event, itself included, by time."""

    def process_chain(self, event: Event, depth: int = 20) -> list[Event]:
        """Return the process starts above an event, nearest first."""

    def process_children(self, event: Event, limit: int = 100) -> list[Event]:
        """Return the process starts right below the process of an event, by time."""

    def process_tree(self, event: Event, up: int = 20, down: int = 5, limit: int = 200) -> ProcessTree:
        """Return the processes around that of an event: a line above it, and everything below."""

    def results(self, seqs: Sequence[int]) -> dict[int, BatchResult]:
        """Return the results of those batches that have been applied."""

    def stats(self) -> Stats:
        """Return the size of the store, without touching events."""

    def waiting(self) -> Waiting | None:
        """Return what waits on this machine for a store that is elsewhere; None for one that is here."""

    def usage(self) -> Usage:
        """Return what the store has by day and class, without touching events."""

    def damaged(self, start: int | None = None, end: int | None = None) -> Sequence[Damaged]:
        """Return what of a time is missing from every answer, since it is damaged; oldest events first."""

    def close(self) -> None:
        """Let go of files and memory."""
