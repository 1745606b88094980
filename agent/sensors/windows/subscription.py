"""One channel, read from its bookmark on: what the log no longer has is said, what cannot be read costs itself alone.

A bookmark is kept as the time of its event (µs, 0 for one that could not be read) and the bookmark of Windows. Windows
finds a bookmark by the record's number, and numbers start anew in a log that was made anew: there the number belongs to
an event of another time, and the log is then read from its beginning. What is read twice so is one event to the box.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from agent.sensors.windows.channels import Channel, query
from agent.sensors.windows.eventxml import NoEvent, record_of
from agent.sensors.windows.scripts import Scripts
from agent.sensors.windows.wevtapi import (
    NOT_FOUND,
    TOO_LARGE,
    BookmarkGone,
    EventLog,
    EventLogError,
)
from agent.wire.event import CREATED, TIMESTAMP, Record
from agent.wire.sending.sensor import Bookmark, Gap, Item, Reading

DAYS = 7
"""How far back a channel is read the first time; what is older nobody waits for."""
AT_ONCE = 64
"""Events asked for with one call."""
_MARK = "winlog:"
Enrich = Callable[[Record], None]


class Subscription:
    """A channel's reading. `fault` is the code with which Windows last refused the channel, 0 while it is read."""

    def __init__(self, channel: Channel, log: EventLog, days: int = DAYS) -> None:
        self.channel = channel
        self.fault = 0
        self.signal = log.signal()
        self._log = log
        self._days = days
        self._handle = 0
        self._at = 0
        self._mark: str | None = None
        self._failing = False
        self._scripts = Scripts()

    @property
    def is_open(self) -> bool:
        """Whether the channel is read."""
        return self._handle != 0

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Begin to read; a channel that cannot be read now is left closed with its `fault`, its bookmark kept.

        Raises nothing. What is after a bookmark that is gone is told as a gap of unknown count.
        """
        if self._mark is None:
            self._at, self._mark = _decoded(bookmarks.get(_MARK + self.channel.name, ""))
        try:
            if self._mark is not None:
                self._check(self._mark)
            self._subscribe(self._mark)
        except BookmarkGone:
            return self._restart()
        except EventLogError as error:
            self.fault = error.code
        return []

    def _check(self, mark: str) -> None:
        """Raise BookmarkGone when the log has another event under the bookmark's number."""
        found = self._log.find(self.channel.path, mark)
        try:
            at = moment(record_of(self._log.xml(found)).get("TimeCreated_SystemTime"))
        except (EventLogError, NoEvent):
            return  # as unreadable as it may have been before
        finally:
            self._log.close(found)
        if self._at and at and at != self._at:
            raise BookmarkGone("EvtSeek", NOT_FOUND)

    def read(self, most: int, enrich: Enrich) -> list[Item]:
        """Return at most so many events. When there may be more, the signal is on afterwards."""
        # Before asking, so that what comes while we read switches it on again.
        self._log.reset(self.signal)
        items: list[Item] = []
        while len(items) < most and self._handle:
            try:
                events = self._log.next(self._handle, min(AT_ONCE, most - len(items)))
            except EventLogError as error:
                items += self._again(error.code)
                break
            self._failing = False
            if not events:
                return items
            items += self._taken(events, enrich)
        if self._handle:
            self._log.set(self.signal)
        return items

    def close(self) -> None:
        """Stop reading; `open` goes on from the last event."""
        if self._handle:
            self._log.close(self._handle)
        self._handle = 0

    def forget(self) -> None:
        """Stop reading for good."""
        self.close()
        self._log.forget(self.signal)

    def _subscribe(self, mark: str | None) -> None:
        days = self._days if mark is None else 0
        self._handle = self._log.subscribe(self.channel.path, query(self.channel, days or None), self.signal, mark)
        self.fault = 0
        self._log.set(self.signal)

    def _restart(self) -> list[Item]:
        """Read from the oldest event that the log has: the place of the bookmark is gone."""
        now = time.time_ns() // 1000
        gap = Gap(f"event_bookmark_lost:{self.channel.name}", 0, self._at or now, now)
        self._mark, self._at, self._days = None, 0, 0
        try:
            self._subscribe(None)
        except EventLogError as error:
            self.fault = error.code
        return [gap]

    def _again(self, code: int) -> list[Item]:
        """Make the subscription anew after Windows has given it up: a log was cleared, a publisher removed.

        When the new one cannot be read either, it rests until somebody opens it again.
        """
        self.close()
        if self._failing:
            self._failing, self.fault = False, code
            return []
        self._failing = True
        return self.open({})

    def _taken(self, events: list[int], enrich: Enrich) -> list[Item]:
        items: list[Item] = []
        mark = None
        try:
            items += [self._item(event, enrich) for event in events]
            mark = self._log.bookmark(events[-1])
        finally:
            for event in events:
                self._log.close(event)
        self._mark, self._at = mark, _time_of(items[-1])
        items.append(Reading(None, bookmark=Bookmark(_MARK + self.channel.name, f"{self._at} {mark}")))
        return items

    def newest(self, most: int, enrich: Enrich) -> list[Item]:
        """Return the newest events, at most so many, oldest first; raises EventLogError. No place is kept."""
        events = self._log.newest(self.channel.path, query(self.channel, self._days), most)
        try:
            return [self._item(event, enrich) for event in events]
        finally:
            for event in events:
                self._log.close(event)

    def _item(self, event: int, enrich: Enrich) -> Item:
        now = time.time_ns() // 1000
        try:
            xml = self._log.xml(event)
            record = record_of(xml)
            self._scripts.mend(record, xml)
        except EventLogError as error:
            cause = "event_too_large" if error.code == TOO_LARGE else "event_unreadable"
            return Gap(cause, 1, now, now)
        except NoEvent:
            return Gap("event_unreadable", 1, now, now)
        record[CREATED] = now
        record[TIMESTAMP] = moment(record.get("TimeCreated_SystemTime")) or now
        enrich(record)
        return Reading(record, self.channel.priority)


def moment(text: object) -> int | None:
    """Return a time as Windows writes it, in µs since the epoch; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp() * 1_000_000)


def _time_of(item: Item) -> int:
    """Return the moment that an event tells itself (µs), 0 when it could not be read or tells none."""
    record = item.record if isinstance(item, Reading) else None
    return moment(record.get("TimeCreated_SystemTime")) or 0 if record is not None else 0


def _decoded(text: str) -> tuple[int, str | None]:
    at, _, mark = text.partition(" ")
    return (int(at), mark) if at.isdecimal() and len(at) < 20 and mark else (0, None)
