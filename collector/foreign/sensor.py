"""Other sensors' logs as a sensor of ours: followed, read, freed of what our own has told, and sent."""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import orjson

from agent.wire.sending.sensor import ALERTING, USUAL, About, Availability, Bookmark, Gap, Item, Reading
from agent.wire.sending.tail import TOO_LONG
from collector.analysers.analysis import Analysis
from collector.flows.record import Office
from collector.foreign.analysed import Analysed
from collector.foreign.entries import Raw
from collector.foreign.eve import Eve
from collector.foreign.sources import FileLines, Line, SocketLines
from collector.foreign.twins import Twins, wait
from collector.foreign.zeek import Zeek
from collector.heads.head import Entry
from collector.records import wire_record
from collector.sides import Sides

LOG = logging.getLogger(__name__)
TICK = 1.0
MAX_HELD = 50_000
"""Logs that wait for our own; the oldest go at once."""
_SOCKETS = {"unix:": False, "unix-dgram:": True}
_BOOKMARK = "foreign:"


class Reader(Protocol):
    """What turns the objects of one source into logs."""

    def read(self, raw: Raw) -> list[Entry]:
        """Return the logs of one object; raises ValueError."""

    def waited(self, now: int) -> list[Entry]:
        """Return what has waited long enough (now: microseconds)."""


class Wanted(NamedTuple):
    """A source by its kind (`eve`, `zeek`) and where it is: a path, or `unix:PATH`, `unix-dgram:PATH`."""

    kind: str
    place: str


class _Line:
    """A line of a file, and how many of its logs still wait."""

    __slots__ = ("end", "left")

    def __init__(self, end: int, left: int) -> None:
        self.end, self.left = end, left


class _Source:
    """One source while it is open."""

    def __init__(self, wanted: Wanted, lines: FileLines | SocketLines) -> None:
        self.place, self.lines = wanted.place, lines
        self.reader: Reader = Eve() if wanted.kind == "eve" else Zeek(Path(wanted.place).name)
        self.open: deque[_Line] = deque()

    def bookmark(self) -> list[Reading]:
        """Return how far all of the file's logs have gone out, if that moved."""
        end = -1
        while self.open and not self.open[0].left:
            end = self.open.popleft().end
        if end < 0 or not isinstance(self.lines, FileLines):
            return []
        return [Reading(None, bookmark=Bookmark(_BOOKMARK + self.place, self.lines.bookmark(end)))]


class _Held(NamedTuple):
    due: int
    entry: Entry
    line: _Line


class ForeignSensor:
    """Follows other sensors' logs. With `twins` they wait until it is known whether our own has told the same.

    What is told is shown to `analysed`; without it no analyser sees it.
    """

    about = About(
        "other_sensors",
        "Dzienniki innych czujników sieciowych: Suricata (EVE) i Zeek (JSON)",
        "Logs of other network sensors: Suricata (EVE) and Zeek (JSON)",
    )

    def __init__(self, wanted: Sequence[Wanted], twins: Twins | None = None, analysed: Analysed | None = None) -> None:
        self._wanted, self._twins = tuple(wanted), twins
        self._analysed = analysed or Analysed(Sides(Office(), named=False), Analysis(()), shared=True)
        self._sources: list[_Source] = []
        self._poll: select.epoll | None = None
        self._polled: set[int] = set()
        self._held: tuple[deque[_Held], deque[_Held]] = (deque(), deque())
        self._more = False
        self.refused = self.doubled = 0
        """Lines that are no logs, and logs that our own sensor had told."""

    def availability(self) -> Availability:
        """Say whether the files are there and may be read."""
        paths = [Path(one.place) for one in self._wanted if _socket_of(one.place) is None]
        if any(path.exists() and not os.access(path, os.R_OK) for path in paths):
            return Availability("limited", "sensor.reason.needs_root")
        missing = [path for path in paths if not path.exists()]
        return Availability("limited", "sensor.reason.no_log_files") if missing else Availability("on")

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Take up the files and make the sockets; raises OSError."""
        self._poll = select.epoll()
        self._analysed.recall(bookmarks)
        found: list[Item] = []
        for one in self._wanted:
            at = _socket_of(one.place)
            if at is not None:
                self._sources.append(_Source(one, SocketLines(at[0], datagrams=at[1])))
                continue
            bookmark = bookmarks.get(_BOOKMARK + one.place)
            lines = FileLines(Path(one.place), bookmark)
            source = _Source(one, lines)
            self._sources.append(source)
            found += _lost(lines)
            if bookmark is None and Path(one.place).exists():
                source.open.append(_Line(lines.position, 0))
                found += source.bookmark()
        self._listen()
        return found

    def fileno(self) -> int:
        """Return what becomes readable when somebody writes to a socket; files are looked at every second."""
        assert self._poll is not None
        return self._poll.fileno()

    def read(self) -> list[Item]:
        """Take what is there."""
        return self._take()

    def wait(self) -> float:
        """Come again at once while a file had more than one reading takes."""
        return 0.0 if self._more else TICK

    def tick(self) -> list[Item]:
        """Look at the files; let go what has waited."""
        return self._take()

    def finish(self) -> list[Item]:
        """Let everything go."""
        return [*self._released(1 << 62), *self._analysed.memory(last=True)]

    def close(self) -> None:
        """Close files and sockets."""
        for source in self._sources:
            source.lines.close()
        self._sources.clear()
        for held in self._held:
            held.clear()
        self._polled.clear()
        if self._poll is not None:
            self._poll.close()
            self._poll = None

    def _listen(self) -> None:
        assert self._poll is not None
        streams = [source.lines for source in self._sources if isinstance(source.lines, SocketLines)]
        now = {one.fileno() for lines in streams for one in lines.sockets()}
        for number in now - self._polled:
            self._poll.register(number, select.EPOLLIN)
        self._polled = now  # what was closed has left the poll by itself

    def _take(self) -> list[Item]:
        self._more = False
        found: list[Item] = []
        for source in self._sources:
            try:
                lines = source.lines.read()
            except OSError as error:
                LOG.warning("foreign_log_unreadable place=%s error=%s", source.place, error)
                continue
            found += _lost(source.lines)
            self._more = self._more or len(lines) > 0
            for line in lines:
                self._hold(source, line, self._read(source, line))
            waited = source.reader.waited(_micros())
            self._hold(source, Line(b"", -1), waited)
        self._listen()
        return found + self._released(_micros())

    def _read(self, source: _Source, line: Line) -> list[Entry]:
        try:
            raw = orjson.loads(line.data)
            return source.reader.read(raw) if isinstance(raw, dict) else []
        except (ValueError, TypeError, OverflowError):
            self.refused += 1
            return []

    def _hold(self, source: _Source, line: Line, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        told = _Line(line.end, len(entries))
        if line.end >= 0:
            source.open.append(told)
        now = _micros()
        for entry in entries:
            span = 0 if self._twins is None else wait(entry)
            self._held[entry.log.path == "conn"].append(_Held(now + span, entry, told))

    def _released(self, now: int) -> list[Item]:
        """Return the logs whose time has come (and those for which there is no room), then the bookmarks."""
        found: list[Item] = []
        for held in self._held:
            while held and (held[0].due <= now or len(held) > MAX_HELD):
                _, entry, line = held.popleft()
                line.left -= 1
                if self._twins is not None and self._twins.knows(entry):
                    self.doubled += 1
                else:
                    found += map(_reading, self._analysed.see(entry))
        found += map(_reading, self._analysed.tick())
        found += self._analysed.memory()
        return found + [reading for source in self._sources for reading in source.bookmark()]


def _reading(entry: Entry) -> Reading:
    return Reading(wire_record(entry), USUAL if entry.log.path == "conn" else ALERTING)


def _socket_of(place: str) -> tuple[Path, bool] | None:
    for prefix, datagrams in _SOCKETS.items():
        if place.startswith(prefix):
            return Path(place.removeprefix(prefix)), datagrams
    return None


def _lost(lines: FileLines | SocketLines) -> list[Item]:
    now = _micros()
    return [Gap(cause, int(cause == TOO_LONG), now, now) for cause in lines.losses()]


def _micros() -> int:
    return time.time_ns() // 1000
