"""Inventory and posture as a sensor: a child does the work and ends; what it wrote becomes records, bit by bit.

The child writes to a file, which is the same on every system and can be bounded; the bookmark, saved with the last of
its records, is the round's number, so a round that was lost on the way is sent again by the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from agent.inventory.again import taken
from agent.wire.categories import COMMAND_LINES, DNS, SENSORS
from agent.wire.event import CREATED, ID, TIMESTAMP, event_id
from agent.wire.sending.sensor import USUAL, About, Availability, Bookmark, Gap, Item, Reading

if TYPE_CHECKING:
    import subprocess

BOOKMARK = "inventory.round"
STATE = "inventory.db"
OUTPUT = "inventory.out"
FIRST = 60.0
"""Seconds from the agent's start to the first round, which lets the host come up."""
EVERY = 3600.0
"""Seconds between rounds; which sections are due is the child's business."""
JITTER = 0.2
ASKED = 5.0
"""Seconds between two looks whether the box wishes to be told everything again (again.py)."""
LONGEST = 600.0
"""Seconds after which a round is killed."""
MAX_OUTPUT = 64 << 20
"""Bytes of a round's output; one that writes more is killed."""
MAX_LINE = 1 << 18
OF_INVENTORY = SENSORS["inventory"] | {COMMAND_LINES, DNS}
"""Categories whose switch changes what a round tells."""
_AT_ONCE = 200
_LOOK = 1.0
_BUSY = 0.05
_KILLED = "sensor.reason.inventory_killed"


def command(state: Path, seen: int, *, whole: bool, off: Iterable[str] = ()) -> list[str]:
    """Return the child's command line."""
    isolated = ["-P"] if sys.version_info >= (3, 11) else []
    rest = [*(["whole"] if whole else []), *(f"off={name}" for name in sorted(off))]
    return [sys.executable, *isolated, "-m", "agent.inventory", "collect", str(state), str(seen), *rest]


def _on_windows(module: object, *names: str) -> int:
    """Return the flags of these names together; elsewhere there are none."""
    return sum(getattr(module, name, 0) for name in names)


class InventorySensor:
    """Starts rounds, ends those that hang, hands their records over."""

    about = About(
        "inventory",
        "Sprzęt, system, programy, aktualizacje, konta, usługi i ustawienia zabezpieczeń: stan i jego zmiany.",
        "Hardware, system, programs, updates, accounts, services and security settings: their state and its changes.",
    )

    def __init__(
        self,
        home: Path,
        child: Callable[[Path, int, bool, frozenset[str]], Sequence[str]] = lambda state, seen, whole, off: command(
            state, seen, whole=whole, off=off
        ),
        first: float = FIRST,
        longest: float = LONGEST,
        random_: Callable[[], float] = random.random,
    ) -> None:
        """Keep the state in `home`; `child` gives the command line of a round."""
        self._home, self._child_of, self._longest, self._random = home, child, longest, random_
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: IO[bytes] | None = None
        self._next = time.monotonic() + first
        self._started = 0.0
        self._seen = 0
        self._whole = False
        self._off: frozenset[str] | None = None
        self._asked_at = 0.0
        self._reason = ""

    def availability(self) -> Availability:
        """Always on; limited where only the administrator's account sees everything, or a round had to be killed."""
        if self._reason:
            return Availability("limited", self._reason)
        if hasattr(os, "geteuid") and os.geteuid() != 0:
            return Availability("limited", "sensor.reason.needs_root")
        return Availability("on")

    def switch(self, off: frozenset[str]) -> None:
        """Leave out what is off: a digest over what was not sent would never agree. A change is told as a whole."""
        off &= OF_INVENTORY
        if self._off is not None and off != self._off:
            self._whole = True
        self._off = off

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Take up the bookmark; the first round comes a little later."""
        text = bookmarks.get(BOOKMARK, "")
        self._seen = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        self._pair = socket.socketpair()
        return []

    def fileno(self) -> int:
        """Return a descriptor that never becomes readable: all that happens here happens by time."""
        return self._pair[0].fileno() if self._pair is not None else -1

    def read(self) -> list[Item]:
        """Nothing comes by the descriptor."""
        return []

    def wait(self) -> float | None:
        """Return the seconds until something is to be done."""
        if self._lines is not None:
            return _BUSY
        if self._child is not None:
            return _LOOK
        return max(0.0, self._next - time.monotonic())

    def tick(self) -> list[Item]:
        """Start a round, look after the one that runs, hand over some of what the last one wrote."""
        now = time.monotonic()
        if self._lines is not None:
            return self._some(self._lines)
        if self._child is not None:
            return self._watch(self._child, now)
        if now >= self._asked_at:
            self._asked_at = now + ASKED
            self._whole = taken(self._home) or self._whole
        if self._whole or now >= self._next:
            self._start(now)
        return []

    def finish(self) -> list[Item]:
        """Hold nothing back: what was not handed over comes with the next round."""
        return []

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
        self._done()
        pair, self._pair = self._pair, None
        for end in pair or ():
            end.close()

    def _start(self, now: float) -> None:
        import subprocess  # noqa: PLC0415 (once an hour)

        self._next = now + EVERY * (1 + JITTER * (2 * self._random() - 1))
        whole, self._whole = self._whole, False
        output = self._home / OUTPUT
        output.unlink(missing_ok=True)
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            self._child = subprocess.Popen(
                self._child_of(self._home / STATE, self._seen, whole, self._off or frozenset()),
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                creationflags=_on_windows(subprocess, "IDLE_PRIORITY_CLASS", "CREATE_NO_WINDOW"),
            )  # fmt: skip
        self._started = now

    def _watch(self, child: subprocess.Popen[bytes], now: float) -> list[Item]:
        output = self._home / OUTPUT
        code = child.poll()
        if code is None and now - self._started < self._longest and output.stat().st_size <= MAX_OUTPUT:
            return []
        began = time.time_ns() // 1000 - int((now - self._started) * 1_000_000)
        if code is None:
            child.kill()
            child.wait()
        self._child = None
        self._lines = output.open("rb")
        self._reason = "" if code == 0 else _KILLED
        return [] if code == 0 else [Gap("inventory_round_ended", 0, began, time.time_ns() // 1000)]

    def _some(self, lines: IO[bytes]) -> list[Item]:
        items: list[Item] = []
        for _ in range(_AT_ONCE):
            line = lines.readline(MAX_LINE)
            if not line.endswith(b"\n"):  # the end, or a line that nobody finished
                self._done()
                break
            items += self._item(line)
        return items

    def _item(self, line: bytes) -> list[Item]:
        with contextlib.suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict) and isinstance(record.get(BOOKMARK), int):
                self._seen = record[BOOKMARK]
                return [Reading(None, bookmark=Bookmark(BOOKMARK, str(self._seen)))]
            if isinstance(record, dict):
                now = time.time_ns() // 1000
                record[TIMESTAMP] = record[CREATED] = now
                record[ID] = event_id("inventory", self._home, now, line)
                return [Reading(record, USUAL)]
        return []

    def _done(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()
        with contextlib.suppress(OSError):
            (self._home / OUTPUT).unlink()
