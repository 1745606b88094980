"""A computer that sends data out at an hour at which it never works (T1048, T1029).

Each computer's own days tell at which hours it is used: an hour counts for a day when the computer had an answered
connection to the internet in it. An hour is odd when in at least DAYS days neither it nor the two before and after
ever counted; so lunch, overtime and the change to summer time are not odd, and a computer that is left on, whose
programs ask for updates all night, has no odd hours. Hours are UTC's; the office's own history makes them hours of
the office.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.analysers.bounded import DAY, HOUR, Quiet, Recent
from collector.analysers.fields import ended
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping, newest, row
from collector.analysers.sent import Sent
from collector.analysers.targets import CONNECTIONS, PATHS, Names, outwards
from collector.heads.head import Entry
from collector.protocols.model import Log

DAYS = 10
"""Days of its own: two working weeks."""
BYTES = 20_000_000
"""What a computer that somebody turned on at night sends by itself stays far below."""
AROUND = 2
"""Hours before and after that must be odd, too."""
MOST_DAYS = 60
"""After so many days all counts are halved, so that a habit that was given up is forgotten."""
MOST_HOSTS, MOST_REMEMBERED = 1024, 512
PAUSE = 7 * DAY


class Habits:
    """At which hours a computer works: on how many of its days each hour counted."""

    __slots__ = ("day", "days", "hours", "now", "sent", "today")

    def __init__(self, day: int) -> None:
        self.day, self.days = day, 0
        self.hours = [0] * 24
        self.today = 0
        """Hours of this day that count, as bits."""
        self.now = self.sent = 0
        """An hour, and the bytes that went out in it."""

    def take(self, at: int, count: int) -> None:
        """Count a connection and the bytes that it sent; a clock that was set back by days begins a new day."""
        if at // DAY > self.day or at // DAY < self.day - 1:
            self._next_day(at // DAY)
        self.today |= 1 << at % DAY // HOUR
        if at // HOUR != self.now:
            self.now, self.sent = at // HOUR, 0
        self.sent += count

    def _next_day(self, day: int) -> None:
        for hour in range(24):
            self.hours[hour] += self.today >> hour & 1
        self.day, self.days, self.today = day, self.days + 1, 0
        if self.days > MOST_DAYS:
            self.days //= 2
            self.hours = [count // 2 for count in self.hours]

    def odd(self, hour: int) -> bool:
        """Tell whether the computer never works around an hour."""
        near = range(hour - AROUND, hour + AROUND + 1)
        return self.days >= DAYS and not any(self.hours[one % 24] for one in near)


class OddHours:
    """Notices `Conn::Odd_Hours`."""

    name = "odd_hours"
    paths: frozenset[str] = PATHS

    def __init__(self, names: Names | None = None, sent: Sent | None = None) -> None:
        # Shared names learn from whoever made them.
        self._learns = names is None
        self.paths = PATHS if names is None else CONNECTIONS
        self._names = names or Names()
        self._sent = sent or Sent()
        self._hosts: Recent[str, Habits] = Recent(MOST_HOSTS)
        self._quiet = Quiet(PAUSE, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log."""
        if self._learns:
            self._names.learn(entry)
        flow = entry.flow
        if flow is None or entry.log.path not in CONNECTIONS:
            return
        name, count = self._names.of(entry, flow), self._sent.new(entry)
        if not outwards(entry):
            return
        at = ended(entry.log)
        habits = row(self._hosts, flow.orig_h, lambda: Habits(at // DAY))
        habits.take(at, count)
        hour = at % DAY // HOUR
        if habits.sent >= BYTES and habits.odd(hour) and self._quiet.may(flow.orig_h, at):
            said = {"src": flow.orig_h, "dst": flow.resp_h, "sub": name or flow.resp_h}
            yield notice("Conn::Odd_Hours", at, {**said, "n": habits.sent, "hour": hour, "days": habits.days})

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return the habits of all computers, and what was noticed."""
        hosts = [[host, one.day, one.days, one.hours, one.today] for host, one in newest(self._hosts, MOST_REMEMBERED)]
        return {"hosts": hosts, "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._quiet.recall(kept.get("quiet", []))
        for one in list(kept.get("hosts", []))[:MOST_HOSTS]:
            host, habits = _recalled(one)
            self._hosts[host] = habits


def _recalled(one: Any) -> tuple[str, Habits]:
    host, day, days, hours, today = one
    habits = Habits(int(day))
    habits.days, habits.hours, habits.today = int(days), [int(count) for count in hours], int(today)
    if len(habits.hours) != 24:
        raise ValueError(host)
    return str(host), habits
