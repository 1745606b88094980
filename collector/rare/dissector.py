"""Gives rare frames to the worker that reads them with scapy, and replaces it when it dies or hangs.

The worker starts with the first such frame: most mirror ports show none. What it says is a stranger's and checked.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from collector.analysers.bounded import Recent
from collector.analysers.model import notice
from collector.headers.parse import Headers
from collector.heads.head import Entry
from collector.pace import Pace
from collector.protocols.model import Log, Value
from collector.rare.form import HEAD, LIST, NAMES, TEXT
from collector.rare.frames import Frame, rare

RATE = 300
"""Frames a second that are read; more are counted."""
WAITING = 32
"""Frames that wait for their answers; fewer bytes than the pipe holds."""
HUNG = 20.0
"""Seconds for one answer; the start of the worker takes two of them, on a busy machine more."""
REST = 60.0
"""Seconds after which a worker that died or hung has a successor; each next one takes twice as long, up to an hour."""
REPEATS, AGAIN = 1024, 3600.0
"""Announcements that are remembered; the same bytes are told again after so many seconds."""
LINE = 65536
_FIELDS = frozenset(
    {"chassis_id", "port_id", "ttl", "system_name", "system_description", "port_description", "addresses",
     "capabilities", "platform", "native_vlan"}
)  # fmt: skip


class Dissector:
    """One worker. `patient` waits for its answers (files) instead of leaving frames out (cards)."""

    def __init__(self, *, patient: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._patient, self._clock = patient, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: deque[tuple[Frame, float]] = deque()
        self._said = b""
        self._seen: Recent[tuple[int, str, bytes], float] = Recent(REPEATS)
        self._pace = Pace()
        self._rests_until = 0.0
        self._told: list[Entry] = []
        self.left_out = self.faults = self.replaced = 0
        """Frames that were not read for want of time or room, those that scapy made nothing of, workers that ended."""

    def look(self, headers: Headers) -> None:
        """Ask about the rare frames of a batch."""
        for frame in rare(headers):
            self._ask(frame)

    def answers(self) -> Iterator[Entry]:
        """Yield what the worker has told since."""
        if self._process is not None:
            self._read()
            self._look_after()
        told, self._told = self._told, []
        yield from told

    def finish(self) -> Iterator[Entry]:
        """Yield what is still to be told: nothing more comes. The worker ends."""
        while self._asked and self._process is not None:
            self._await()
        yield from self.answers()
        self.close()

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        self._asked.clear()
        self._said = b""
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, frame: Frame) -> None:
        now, same = self._clock(), (frame.kind, frame.card, frame.data)
        told = self._seen.get(same)
        if told is not None and now - told < AGAIN:
            return
        if not self._may(now) or not self._started(now):
            self.left_out += 1
            return
        while self._patient and len(self._asked) >= WAITING and self._process is not None:
            self._await()
        process = self._process
        if process is None or len(self._asked) >= WAITING:
            self.left_out += 1
            return
        assert process.stdin is not None
        try:
            # Never more than PIPE_BUF at once: it is written whole or not at all.
            os.write(process.stdin.fileno(), HEAD.pack(len(frame.data), frame.kind) + frame.data)
        except OSError:
            self.left_out += 1
            return
        self._seen[same] = now
        self._asked.append((frame, now))

    def _may(self, now: float) -> bool:
        return self._patient or self._pace.may(int(now), RATE)

    def _started(self, now: float) -> bool:
        if self._process is None and now >= self._rests_until:
            root = str(Path(__file__).resolve().parents[2])
            self._process = subprocess.Popen(
                [sys.executable, "-m", "collector.rare.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
                env={"PYTHONPATH": root, "PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8",
                     "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
        return self._process is not None

    def _await(self) -> None:
        """Wait for an answer, or until the worker is taken to hang."""
        assert self._process is not None
        assert self._process.stdout is not None
        left = self._asked[0][1] + HUNG - self._clock()
        select.select([self._process.stdout], [], [], max(0.0, left))
        self._read()
        self._look_after()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            self._said += os.read(self._process.stdout.fileno(), LINE)
        except BlockingIOError:
            return
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            if self._asked:
                self._take(self._asked.popleft()[0], line)
        if self._asked:
            # Each answer has its own time.
            self._asked[0] = (self._asked[0][0], self._clock() if lines else self._asked[0][1])

    def _take(self, frame: Frame, line: bytes) -> None:
        try:
            fields = checked(json.loads(line))
        except (ValueError, TypeError, RecursionError):
            fields = {}
        if not fields:
            self.faults += 1
            name = NAMES[frame.kind]
            self._told.append(Entry(Log("weird", frame.at, {"name": f"{name}_malformed", "source": name}), "", None))
            return
        self._told.append(Entry(Log(NAMES[frame.kind], frame.at, {"src_mac": frame.card, **fields}), "", None))

    def _look_after(self) -> None:
        """Replace a worker that is gone, says nothing or talks nonsense; its successor comes with a later frame."""
        assert self._process is not None
        now = self._clock()
        died = self._process.poll() is not None
        hangs = bool(self._asked) and now - self._asked[0][1] >= HUNG
        if not died and not hangs and len(self._said) <= LINE:
            return
        note, lost = ("Sensor::Dissector_Died" if died else "Sensor::Dissector_Hung"), len(self._asked)
        self.close()
        self._rests_until = now + REST * (1 << min(self.replaced, 6))
        self.replaced += 1
        self.left_out += lost
        self._told.append(Entry(notice(note, time.time_ns() // 1000, {"n": lost}), "", None))


def checked(answer: object) -> dict[str, Value]:
    """Return the known fields of an answer, within bounds."""
    said = answer.get("fields") if isinstance(answer, dict) else None
    if not isinstance(said, dict):
        return {}
    found: dict[str, Value] = {}
    for name in sorted(_FIELDS & said.keys()):
        value = said[name]
        if isinstance(value, str):
            found[name] = value[:TEXT]
        elif type(value) is int and 0 <= value < 1 << 32:
            found[name] = value
        elif isinstance(value, list):
            found[name] = [one[:TEXT] for one in value[:LIST] if isinstance(one, str)]
    return found
