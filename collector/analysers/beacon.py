"""Programs that report home: connections to one target at regular times with regular sizes (T1071.001, T1573).

Of each source, target (by name where one is said, else by address) and port the newest starts and sizes are kept.
Times are regular when the median deviation of the intervals from their median is at most JITTER of it: of a program
that waits ±30 % that is 0.15, of one by chance (exponential) 0.69. Breaks (a night, a restart) do not hurt a median.

Harmless programs are as regular. They are told apart by what is known of them: services that all programs ask
(data/services.txt), protocols whose clients ask by the clock (time, mail, names, telephones), and targets that several
computers of the office use. What has a name must go on for a day, so that a page left open over an afternoon is none.
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Iterable
from statistics import median
from typing import Any

from collector.analysers.bounded import DAY, HOUR, SECOND, Quiet, Recent
from collector.analysers.fields import known
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping, newest
from collector.analysers.targets import MANY, PATHS, Names, Users, carried, outwards
from collector.heads.head import Entry
from collector.protocols.model import Log

STARTS = 24
"""Connections at least: their median is then within a few percent of the true one."""
JITTER = 0.2
SIZES = 0.25
"""Median deviation of the bytes out from their median: a report with a name or two in it still is one."""
SMALL = 64
"""Bytes by which sizes may always differ."""
NAMED, NAMELESS = 22 * HOUR, 3 * HOUR
"""How long it must go on: nearly a day when the target has a name; less with a bare address, which few programs use."""
FASTEST = 5
"""Seconds between starts: what is faster belongs to one page or one download."""
WAITING = 7 * DAY
"""A target that was not seen for so long begins anew."""
BY_THE_CLOCK = frozenset({25, 53, 67, 68, 110, 123, 143, 465, 500, 587, 853, 993, 995, 3478, 4500, 5060, 5061})
"""Ports of protocols whose clients ask by the clock: mail, names, time, tunnels of VPN, telephones."""
KEPT = 48
"""Starts and sizes that are looked at: with fewer, one look of many would find chance regular."""
MOST_PULSES = 8192
MOST_SINGLE = 32_768
MOST_REMEMBERED, REMEMBERED_STARTS = 200, 24


class Pulse:
    """The newest starts (seconds) to one target, and how much each sent."""

    __slots__ = ("count", "first", "sizes", "starts")

    def __init__(self, first: int) -> None:
        self.first, self.count = first, 0
        self.starts = array("q")
        self.sizes = array("q")

    def take(self, start: int, size: int) -> None:
        """Keep one more connection; logs of connections may come in another order than they began."""
        if self.starts and start < self.starts[-1]:
            insort(self.starts, start)
        else:
            self.starts.append(start)
        self.sizes.append(size)
        self.count += 1
        if len(self.starts) > KEPT:
            self.starts.pop(0)
            self.sizes.pop(0)

    @property
    def last(self) -> int:
        """When the newest began."""
        return self.starts[-1] if self.starts else self.first

    def beat(self) -> tuple[float, float] | None:
        """Return (interval in seconds, deviation as a share of it) when times and sizes are regular."""
        gaps = [after - before for before, after in zip(self.starts, self.starts[1:], strict=False)]
        usual = median(gaps)
        if usual < FASTEST:
            return None
        jitter = median(abs(gap - usual) for gap in gaps) / usual
        size = median(self.sizes)
        spread = median(abs(one - size) for one in self.sizes)
        regular = jitter <= JITTER and spread <= max(SMALL, SIZES * size)
        return (float(usual), jitter) if regular else None


class Beacon:
    """Notices `Conn::Beacon`."""

    name = "beacon"
    paths = PATHS

    def __init__(self) -> None:
        self.names = Names()
        """What targets are called, for the analysers that see logs after this one."""
        self._users = Users()
        self._single: Recent[int, int] = Recent(MOST_SINGLE)
        self._pulses: Recent[str, Pulse] = Recent(MOST_PULSES)
        self._quiet = Quiet(30 * DAY, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log."""
        flow = entry.flow
        self.names.learn(entry)
        if entry.log.path != "conn" or flow is None:
            return
        name = self.names.of(entry, flow)
        if flow.resp_p in BY_THE_CLOCK or not outwards(entry) or self.names.serves_all(name, flow):
            return
        target = name or flow.resp_h
        users = self._users.used(target, flow.orig_h)
        if users >= MANY:
            return
        key = f"{flow.orig_h} {target} {flow.resp_p}"
        pulse = self._pulse(key, entry.log.at // SECOND, carried(entry, "orig"))
        if pulse is None or not _long_enough(pulse, named=bool(name)):
            return
        beat = pulse.beat()
        if beat and self._quiet.may(key, entry.log.at):
            yield notice(
                "Conn::Beacon",
                entry.log.at,
                {
                    "src": flow.orig_h,
                    "dst": flow.resp_h,
                    "p": flow.resp_p,
                    "sub": target,
                    "n": pulse.count,
                    "interval": round(beat[0], 1),
                    "jitter": round(2 * beat[1], 3),
                    "hours": round((pulse.last - pulse.first) / 3600, 1),
                    "hosts": users,
                    **known({"server_name": name}),
                },
            )

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return the pulses that go on, and what was noticed."""
        going = [(key, pulse) for key, pulse in newest(self._pulses, MOST_PULSES) if pulse.count >= 4]
        kept = [_remembered(key, pulse) for key, pulse in going[-MOST_REMEMBERED:]]
        return {"pulses": kept, "users": self._users.memory(), "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._quiet.recall(kept.get("quiet", []))
        self._users.recall(kept.get("users", []))
        for one in list(kept.get("pulses", []))[:MOST_REMEMBERED]:
            key, pulse = _recalled(one)
            self._pulses[key] = pulse

    def _pulse(self, key: str, start: int, size: int) -> Pulse | None:
        """Count a connection; targets seen once, which are most of them, cost a number alone."""
        pulse = self._pulses.get(key)
        if pulse is not None and abs(start - pulse.last) * SECOND > WAITING:
            self._pulses.pop(key)
            pulse = None
        if pulse is None:
            mark = hash(key)
            before = self._single.pop(mark)
            if before is None:
                self._single[mark] = start
                return None
            pulse = Pulse(min(before, start))
            pulse.take(before, size)
            self._pulses[key] = pulse
        pulse.take(start, size)
        return pulse


def _long_enough(pulse: Pulse, *, named: bool) -> bool:
    # Every eighth is enough to look at: regular ones stay regular.
    if pulse.count < STARTS or pulse.count % 8:
        return False
    return (pulse.last - pulse.first) * SECOND >= (NAMED if named else NAMELESS)


def _remembered(key: str, pulse: Pulse) -> list[Any]:
    starts, sizes = pulse.starts[-REMEMBERED_STARTS:], pulse.sizes[-REMEMBERED_STARTS:]
    return [key, pulse.first, pulse.count, starts[0], [one - starts[0] for one in starts], list(sizes)]


def _recalled(one: Any) -> tuple[str, Pulse]:
    key, first, count, begin, starts, sizes = one
    if not isinstance(key, str) or not starts or len(starts) != len(sizes):
        raise ValueError(key)
    pulse = Pulse(int(first))
    for start, size in list(zip(starts, sizes, strict=True))[-KEPT:]:
        pulse.take(int(begin) + int(start), int(size))
    pulse.count = int(count)
    return key, pulse
