"""One channel, read from its bookmark on: what the log no longer has is said, what cannot be read costs itself alone.

A bookmark is kept as the time of the last event (µs) and the bookmark of Windows. Windows finds a bookmark by the
record's number, and numbers start anew in a log that was made anew: an event after the bookmark that is older than the
one before it shows that, and the log is then read from its beginning. What is read twice so is one event to the box.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from agent.sensors.windows.channels import Channel, query
from agent.sensors.windows.eventxml import NoEvent, record_of
from agent.sensors.windows.wevtapi import (
    ACCESS_DENIED,
    CHANNEL_NOT_FOUND,
    TOO_LARGE,
    EventLog,
    EventLogError,
)
from agent.wire.event import CREATED, TIMESTAMP, Record
from agent.wire.sending.sensor import Bookmark, Gap, Item, Reading

DAYS = 7
"""How far back a channel is read the first time; what is older nobody waits for."""
AT_ONCE = 64
"""Events asked for with one call."""
_OLDER = 120_000_000
"""Microseconds by which an event may be older than the one before it: clocks are set back a little all the time."""
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
        self._fresh = self._failing = False

    @property
    def is_open(self) -> bool:
        """Whether the channel is read."""
        return self._handle != 0

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Begin to read; a channel that is not there, or not for us, is left closed with its `fault`."""
        if self._mark is None:
            self._at, self._mark = _decoded(bookmarks.get(_MARK + self.channel.name, ""))
        lost: list[Item] = []
        try:
            self._subscribe(self._mark)
        except EventLogError as error:
            if self._mark is None or error.code in (ACCESS_DENIED, CHANNEL_NOT_FOUND):
                self.fault = error.code
                return []
            lost = self._restart()
        return lost

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

    def _subscribe(self, mark: str | None, days: int | None = None) -> None:
        days = self._days if mark is None and days is None else days
        self._handle = self._log.subscribe(self.channel.path, query(self.channel, days or None), self.signal, mark)
        self.fault, self._fresh = 0, mark is not None
        self._log.set(self.signal)

    def _restart(self) -> list[Item]:
        """Read from the oldest event that the log has: the place of the bookmark is gone."""
        now = time.time_ns() // 1000
        gap = Gap(f"event_bookmark_lost:{self.channel.name}", 0, self._at or now, now)
        self._mark, self._at = None, 0
        try:
            self._subscribe(None, days=0)
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
            for event in events:
                items.append(self._item(event, enrich))
                if self._is_of_another_log(items[-1]):
                    self.close()
                    return [*items[:-1], *self._restart()]
            mark = self._log.bookmark(events[-1])
        finally:
            for event in events:
                self._log.close(event)
        self._mark = mark
        items.append(Reading(None, bookmark=Bookmark(_MARK + self.channel.name, f"{self._at} {mark}")))
        return items

    def _item(self, event: int, enrich: Enrich) -> Item:
        now = time.time_ns() // 1000
        try:
            record = record_of(self._log.xml(event))
        except EventLogError as error:
            cause = "event_too_large" if error.code == TOO_LARGE else "event_unreadable"
            return Gap(cause, 1, now, now)
        except NoEvent:
            return Gap("event_unreadable", 1, now, now)
        record[CREATED] = now
        record[TIMESTAMP] = moment(record.get("TimeCreated_SystemTime")) or now
        enrich(record)
        return Reading(record, self.channel.priority)

    def _is_of_another_log(self, item: Item) -> bool:
        if not isinstance(item, Reading) or item.record is None:
            return False
        at = item.record[TIMESTAMP]
        assert isinstance(at, int)
        fresh, self._fresh = self._fresh, False
        if fresh and at < self._at - _OLDER:
            return True
        self._at = at
        return False


def moment(text: object) -> int | None:
    """Return a time as Windows writes it, in µs since the epoch; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _decoded(text: str) -> tuple[int, str | None]:
    at, _, mark = text.partition(" ")
    return (int(at), mark) if at.isdecimal() and len(at) < 20 and mark else (0, None)
