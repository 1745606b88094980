"""What the box itself does about requests: it cuts out what was imported here, lets tshark look, gives up, tidies."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.orm import Session, sessionmaker

from agent.wire.limits import MAX_SLICE
from appliance import clock
from appliance.home import CHECKOUT, Home
from appliance.pki import importer_id
from appliance.slices import asked, kept
from appliance.slices.look import Summary, Unseen, look
from appliance.state.database import writing
from appliance.state.slices import PacketSlice, SliceState

AT_ONCE = 4
"""Requests of a kind that one round does."""
CUT_SECONDS = 60.0
_ALL, _NONE, _PART = 0, 1, 3
"""Exit codes of `czujka-collector slice`."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Worker:
    """The box's side. `now` gives microseconds since the epoch."""

    home: Home
    sessions: sessionmaker[Session]
    now: Callable[[], int] = clock.now
    look: Callable[[Path], Summary] = look

    def round(self) -> None:
        """Do what is due. Raises OSError of the disk, and errors of the state database."""
        with self.sessions() as session:
            waiting = asked.in_state(session, SliceState.WAITING, asked.MOST_WAITING)
            unread = asked.in_state(session, SliceState.TAKEN, AT_ONCE)
        if waiting:
            own = importer_id(self.home)
            for row in [row for row in waiting if row.agent_id == own][:AT_ONCE]:
                self._cut(row)
            with writing(self.sessions) as session:
                asked.give_up(session, self.now())
        for row in unread:
            self._read(row)

    def tidy(self, days: int) -> None:
        """Remove files that were kept for so many days."""
        with writing(self.sessions) as session:
            rows = asked.outdated(session, days, self.now())
        for row in rows:
            kept.path_of(self.home.packets, row.id).unlink(missing_ok=True)
        kept.sweep(self.home.packets)

    def _cut(self, row: PacketSlice) -> None:
        """Cut a flow out of the ring that imports fill."""
        code, content = self._cut_out(row.uid)
        if code in {_ALL, _PART}:
            with kept.drafted(self.home.packets, content) as draft, writing(self.sessions) as session:
                asked.taken(session, asked.get(session, row.id), draft, whole=code == _ALL, now=self.now())
            return
        state, reason = (SliceState.NONE, "") if code == _NONE else (SliceState.FAILED, "failed")
        with writing(self.sessions) as session:
            asked.ended(session, asked.get(session, row.id), state, reason, self.now())

    def _cut_out(self, uid: str) -> tuple[int, bytes]:
        """Return the exit code of the cutting, and the packets."""
        command = [sys.executable, "-m", "collector", "slice", uid, "--home", str(self.home.root)]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        with tempfile.TemporaryDirectory(prefix="czujka-cut-") as folder:
            made = Path(folder) / "flow.pcapng"
            command += ["--most", str(MAX_SLICE), "-o", str(made)]
            try:
                done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=CUT_SECONDS)
            except subprocess.TimeoutExpired:
                return -1, b""
            return done.returncode, made.read_bytes() if made.exists() else b""

    def _read(self, row: PacketSlice) -> None:
        summary, reason = None, ""
        try:
            summary = self.look(kept.path_of(self.home.packets, row.id))
        except Unseen as error:
            reason = error.reason
        except FileNotFoundError:
            reason = "gone"
        with writing(self.sessions) as session:
            asked.read(session, asked.get(session, row.id), summary, reason, self.now())
