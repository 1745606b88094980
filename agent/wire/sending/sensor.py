"""What every sensor is: where it reads, what it says about itself, what it hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, Union, runtime_checkable

from agent.wire.event import Record

State = Literal["on", "limited", "off"]
ALERTING = 1
"""Priority of records that rules decide on; the last to be dropped."""
USUAL = 2
"""Priority of other records."""
LEAST = 3
"""Priority of records that are merely good to have; the first to be left unread, and to be dropped."""


class About(NamedTuple):
    """A sensor's name and, in one line, what it collects."""

    name: str
    pl: str
    en: str


class Availability(NamedTuple):
    """Whether a sensor can work on this host; `reason` is a catalogue key, empty when all is well."""

    state: State
    reason: str = ""


class Bookmark(NamedTuple):
    """How far a source has been read; saved together with the records before it."""

    name: str
    value: str


class Reading(NamedTuple):
    """One record from a source; without a record it only moves the bookmark."""

    record: Record | None
    priority: int = ALERTING
    bookmark: Bookmark | None = None


class Gap(NamedTuple):
    """A loss that the sensor knows of: what was lost between two moments (µs); 0 `lost` means unknown.

    `priority` is that of the lost records, 0 where they had none.
    """

    cause: str
    lost: int
    first: int
    last: int
    priority: int = 0


Item = Union[Reading, Gap]


def merged(gaps: Sequence[Gap]) -> list[Gap]:
    """Add up losses of one cause and priority."""
    found: dict[tuple[str, int], Gap] = {}
    for gap in gaps:
        old = found.get((gap.cause, gap.priority), gap._replace(lost=0))
        first, last = min(old.first, gap.first), max(old.last, gap.last)
        found[gap.cause, gap.priority] = Gap(gap.cause, old.lost + gap.lost, first, last, gap.priority)
    return list(found.values())


class SensorLost(Exception):
    """The source went away; the loop closes the sensor and opens it again after `seconds`."""

    def __init__(self, reason: str, seconds: float = 1.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Sensor(Protocol):
    """One source of records, read when its descriptor is readable."""

    about: About

    def availability(self) -> Availability:
        """Say whether this sensor works here; cheap, asked for every heartbeat."""

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Start reading after the bookmarks; raises OSError or SensorLost when the source is not there."""

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there is something to read."""

    def read(self) -> list[Item]:
        """Return what there is now, without blocking; bounded, the rest comes with the next call."""

    def wait(self) -> float | None:
        """Return after how many seconds `tick` is wanted, None for only the usual round."""

    def tick(self) -> list[Item]:
        """Do what time demands: incomplete events, checks of the source."""

    def finish(self) -> list[Item]:
        """Return what was held back until its end: the program stops, nothing is read any more."""

    def close(self) -> None:
        """Stop reading and put the host back as it was; harmless when not open."""


@runtime_checkable
class Restrained(Protocol):
    """A sensor whose sources wait while it does not read them."""

    def restrain(self, priority: int) -> None:
        """Read only what is of this priority or more important (3 is all); what is left stays at its bookmark."""


@runtime_checkable
class Switched(Protocol):
    """A sensor that sums up what it sends, so that it must itself leave out what may not be sent."""

    def switch(self, off: frozenset[str]) -> None:
        """Hear which categories are off; told before `open` and at every round."""
