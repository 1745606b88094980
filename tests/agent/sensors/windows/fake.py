"""An event log in memory, with the errors of the real one; channels can be cleared, made anew, taken away."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.sensors.windows.wevtapi import (
    ACCESS_DENIED,
    CHANNEL_NOT_FOUND,
    INVALID_PARAMETER,
    MAX_XML,
    NOT_FOUND,
    TOO_LARGE,
    BookmarkGone,
    Config,
    EventLogError,
)

DAY = 86_400.0


def event(
    number: int,
    code: int = 4624,
    *,
    path: str = "Security",
    at: float | None = None,
    data: str = "",
    provider: str = "Microsoft-Windows-Security-Auditing",
) -> str:
    """Return an event as Windows renders it."""
    when = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime(time.time() if at is None else at))
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='{provider}' Guid='{{54849625-5478-4994-a5ba-3e3b0328c30d}}'/>"
        f"<EventID>{code}</EventID><Version>2</Version><Level>0</Level><Task>0</Task><Opcode>0</Opcode>"
        f"<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='{when}'/>"
        f"<EventRecordID>{number}</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='8'/>"
        f"<Channel>{path}</Channel><Computer>PC-7.urzad.local</Computer><Security/></System><EventData>{data}</EventData></Event>"
    )


ORDINARY = Config(enabled=True, max_bytes=20 << 20)


@dataclass
class FakeChannel:
    events: list[tuple[int, str]] = field(default_factory=list)
    next_number: int = 1
    refused: int = 0
    config: Config = ORDINARY
    broken: int = 0
    """The code with which every reading fails, 0 for none."""
    subscribed: int = 0


@dataclass
class _Subscription:
    path: str
    codes: frozenset[str]
    since: float
    after: int
    signal: int
    broken: int = 0


class FakeLog:
    """Implements `EventLog`. Handles are numbers: below 1000 signals, above them subscriptions and events."""

    def __init__(self, *paths: str) -> None:
        self.channels = {path: FakeChannel() for path in paths}
        self.open: dict[int, _Subscription | tuple[str, int, str]] = {}
        self.signals: dict[int, bool] = {}
        self.large: set[int] = set()
        self._changed = threading.Condition()
        self._handles = 1000

    def add(self, path: str, text: str | None = None, **options: object) -> int:
        channel = self.channels[path]
        number = channel.next_number
        channel.next_number += 1
        channel.events.append((number, text or event(number, path=path, **options)))  # type: ignore[arg-type]
        self._notify(path)
        return number

    def clear(self, path: str, *, anew: bool = False) -> None:
        """Empty a log; `anew` lets its numbers begin at 1, as when its file was deleted."""
        channel = self.channels[path]
        channel.events.clear()
        if anew:
            channel.next_number = 1

    def break_subscriptions(self, path: str, code: int) -> None:
        for one in self.open.values():
            if isinstance(one, _Subscription) and one.path == path:
                one.broken = code
        self._notify(path)

    def _notify(self, path: str) -> None:
        for one in list(self.open.values()):
            if isinstance(one, _Subscription) and one.path == path:
                self.set(one.signal)

    def _new(self, what: _Subscription | tuple[str, int, str]) -> int:
        self._handles += 1
        self.open[self._handles] = what
        return self._handles

    def subscribe(self, path: str, query: str, signal: int, bookmark: str | None) -> int:
        channel = self.channels.get(path)
        if channel is None or channel.refused:
            raise EventLogError("EvtSubscribe", CHANNEL_NOT_FOUND if channel is None else channel.refused)
        codes = frozenset(re.findall(r"EventID=(\d+)", query))
        span = re.search(r"timediff\(@SystemTime\) &lt;= (\d+)", query)
        since = time.time() - int(span[1]) / 1000 if span else 0.0
        after = 0
        if bookmark is not None:
            after = self._marked("EvtSubscribe", channel, bookmark)[0]
        channel.subscribed += 1
        return self._new(_Subscription(path, codes, since, after, signal))

    def newest(self, path: str, query: str, most: int) -> list[int]:
        found = self.subscribe(path, query, 0, None)
        try:
            events = self.next(found, len(self.channels[path].events))
        finally:
            self.close(found)
        for event in events[:-most]:
            self.close(event)
        return events[-most:]

    def find(self, path: str, bookmark: str) -> int:
        channel = self.channels.get(path)
        if channel is None or channel.refused:
            raise EventLogError("EvtQuery", CHANNEL_NOT_FOUND if channel is None else channel.refused)
        return self._new((path, *self._marked("EvtSeek", channel, bookmark)))

    @staticmethod
    def _marked(call: str, channel: FakeChannel, bookmark: str) -> tuple[int, str]:
        found = re.search(r"RecordId='(\d+)'", bookmark)
        if found is None:
            raise BookmarkGone("EvtCreateBookmark", INVALID_PARAMETER)
        for number, text in channel.events:
            if number == int(found[1]):
                return number, text
        raise BookmarkGone(call, NOT_FOUND)

    def next(self, subscription: int, most: int) -> list[int]:
        one = self.open[subscription]
        assert isinstance(one, _Subscription)
        broken = one.broken or self.channels[one.path].broken
        if broken:
            raise EventLogError("EvtNext", broken)
        events: list[int] = []
        for number, text in self.channels[one.path].events:
            code = re.search(r"<EventID>(\d+)", text)
            if number > one.after and len(events) < most and (code is None or code[1] in one.codes):
                when = re.search(r"SystemTime='([^.']+)", text)
                if when and _seconds(when[1]) < one.since:
                    continue
                events.append(self._new((one.path, number, text)))
                one.after = number
        return events

    def xml(self, event: int) -> str:
        _, number, text = self._event(event)
        if number in self.large or len(text) > MAX_XML:
            raise EventLogError("EvtRender", TOO_LARGE)
        return text

    def bookmark(self, event: int) -> str:
        path, number, _ = self._event(event)
        return f"<BookmarkList><Bookmark Channel='{path}' RecordId='{number}' IsCurrent='true'/></BookmarkList>"

    def _event(self, handle: int) -> tuple[str, int, str]:
        found = self.open[handle]
        assert isinstance(found, tuple)
        return found

    def close(self, handle: int) -> None:
        del self.open[handle]

    def config(self, path: str) -> Config | None:
        channel = self.channels.get(path)
        if channel is None or channel.refused == CHANNEL_NOT_FOUND:
            return None
        if channel.refused == ACCESS_DENIED:
            raise EventLogError("EvtOpenChannelConfig", channel.refused)
        return channel.config

    def signal(self) -> int:
        number = len(self.signals) + 1
        self.signals[number] = False
        return number

    def set(self, signal: int) -> None:
        with self._changed:
            self.signals[signal] = True
            self._changed.notify_all()

    def reset(self, signal: int) -> None:
        self.signals[signal] = False

    def forget(self, signal: int) -> None:
        self.signals[signal] = False

    def wait(self, signals: Sequence[int], seconds: float) -> int | None:
        def on() -> int | None:
            return next((place for place, signal in enumerate(signals) if self.signals[signal]), None)

        with self._changed:
            self._changed.wait_for(lambda: on() is not None, seconds)
            return on()


def _seconds(text: str) -> float:
    import calendar  # noqa: PLC0415 - beside its only use

    return float(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S")))
