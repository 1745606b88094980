"""The event log as a sensor: a thread waits for its signals, the main loop reads, most important channels first."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from agent.sensors.windows.alive import Alive
from agent.sensors.windows.channels import Channel, channels
from agent.sensors.windows.channelstates import MISSING, OFF, wanted_states
from agent.sensors.windows.enrich import Enricher
from agent.sensors.windows.subscription import Subscription
from agent.sensors.windows.wevtapi import EventLog, SystemEventLog
from agent.wire.event import Record
from agent.wire.sending.sensor import LEAST, About, Availability, Item, SensorLost

AT_MOST = 256
"""Events of one reading, so that what else the agent does never waits long."""
_PATIENCE = 2.0
"""Seconds after which the waiting thread looks anew at which channels are to be read."""
_SECURITY, _SYSMON = "security", "sysmon-process"
Witness = Callable[[Record], None]
"""Looks at a record, and leaves it as it is."""
_NOBODY: Mapping[str, Sequence[Witness]] = MappingProxyType({})


class EventLogSensor:
    """The channels of channels.toml, each with a bookmark of its own."""

    about = About(
        "eventlog",
        "Dziennik zdarzeń Windows: logowania, uruchomienia programów, konta, usługi, PowerShell, Defender, zapora.",
        "The Windows event log: log-ins, program starts, accounts, services, PowerShell, Defender, firewall.",
    )

    def __init__(
        self,
        log: Callable[[], EventLog] = SystemEventLog,
        listed: Sequence[Channel] | None = None,
        enricher: Enricher | None = None,
        witnesses: Mapping[str, Sequence[Witness]] = _NOBODY,
        running: Callable[[], Iterable[Alive]] = tuple,
    ) -> None:
        """Read `listed` channels, all of the table when None, of the log that `log` opens.

        `witnesses` are shown the records of an event's number, after they were enriched; `running` tells what runs.
        """
        self._running = running
        self._log_of, self._log = log, None if log is SystemEventLog else log()
        self._listed = listed
        self._enricher = enricher or Enricher()
        self._witnesses = witnesses
        self._subscriptions: list[Subscription] = []
        self._lacks = False
        self._priority = LEAST
        self._ours: socket.socket | None = None
        self._waiting: _Waiting | None = None

    def availability(self) -> Availability:
        """The security log needs an administrator or SYSTEM; the other channels are read without it, too."""
        faults = {one.channel.name: one.fault for one in self._subscriptions}
        if faults.get(_SECURITY):
            return Availability("limited", "sensor.reason.no_security_log")
        return Availability("limited", "sensor.reason.channels_off") if self._lacks else Availability("on")

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Subscribe to every channel that there is, and start waiting; raises OSError where there is no event log."""
        log = self._log = self._log or self._log_of()
        self._subscriptions = [Subscription(channel, log) for channel in self._listed or channels()]
        items = [item for one in self._subscriptions for item in one.open(bookmarks)]
        self._look_at_channels()
        if self._enricher.wanted:
            self._enricher.fill(self._running())
        self._ours, theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._waiting = _Waiting(log, self._wanted, theirs)
        return items

    def fileno(self) -> int:
        """Return the socket that the waiting thread writes to."""
        return -1 if self._ours is None else self._ours.fileno()

    def read(self) -> list[Item]:
        """Read what the channels have, at most AT_MOST events; raises SensorLost when nobody waits any more."""
        assert self._ours is not None
        assert self._waiting is not None
        with contextlib.suppress(BlockingIOError):
            if not self._ours.recv(64):
                raise SensorLost("the waiting thread has ended")
        items = self._taken()
        self._waiting.go_on()
        return items

    def _taken(self) -> list[Item]:
        items: list[Item] = []
        for one in self._wanted():
            if len(items) >= AT_MOST:
                break
            items += one.read(AT_MOST - len(items), self._met)
        return items

    def _met(self, record: Record) -> None:
        self._enricher.enrich(record)
        for witness in self._witnesses.get(str(record.get("EventID")), ()):
            witness(record)

    def _wanted(self) -> list[Subscription]:
        return [one for one in self._subscriptions if one.is_open and one.channel.priority <= self._priority]

    def restrain(self, priority: int) -> None:
        """Leave what is less important unread: its bookmark stays, and Windows keeps the events."""
        self._priority = priority
        if self._waiting is not None:
            self._waiting.look()

    def wait(self) -> float | None:
        """Nothing here waits for time."""
        return None

    def tick(self) -> list[Item]:
        """Try the channels that were not there."""
        items = [item for one in self._subscriptions if not one.is_open for item in one.open({})]
        self._look_at_channels()
        if self._waiting is not None:
            self._waiting.look()
        return items

    def _look_at_channels(self) -> None:
        """See which channels lack, and prefer Sysmon.

        Where Sysmon tells of program starts with all that we would add, nothing is added to those of Windows."""
        if self._log is not None:
            states = wanted_states(self._log, [one.channel for one in self._subscriptions])
            self._lacks = any(one.state in {OFF, MISSING} for one in states)
        self._enricher.wanted = not any(one.is_open and one.channel.name == _SYSMON for one in self._subscriptions)

    def finish(self) -> list[Item]:
        """Hold nothing back: what is unread stays in the log."""
        return []

    def close(self) -> None:
        """Stop waiting and reading."""
        if self._waiting is not None:
            self._waiting.end()
        for one in self._subscriptions:
            one.forget()
        if self._ours is not None:
            self._ours.close()
        self._subscriptions, self._ours, self._waiting = [], None, None


class _Waiting:
    """The thread that waits for the signals, writes one byte when there is something, and rests until it was read."""

    def __init__(self, log: EventLog, wanted: Callable[[], Sequence[Subscription]], theirs: socket.socket) -> None:
        self._log, self._wanted, self._theirs = log, wanted, theirs
        self._look = log.signal()
        self._ended = False
        self._go_on = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eventlog", daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Say that the last byte's events were read."""
        self._go_on.set()

    def end(self) -> None:
        """End the thread."""
        self._ended = True
        self.look()
        self._go_on.set()
        self._thread.join()
        self._log.forget(self._look)

    def look(self) -> None:
        """Say that other channels than before may be wanted."""
        self._log.set(self._look)

    def _run(self) -> None:
        with self._theirs, contextlib.suppress(OSError):  # the other end learns it from the closed socket
            while not self._ended:
                found = self._log.wait([self._look, *(one.signal for one in self._wanted())], _PATIENCE)
                if found == 0:
                    self._log.reset(self._look)
                elif found is not None:
                    self._theirs.send(b"\0")
                    self._go_on.wait()
                    self._go_on.clear()  # only now: the end may have been told while something was found
