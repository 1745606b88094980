"""Connections of hours to a target that one computer alone uses: tunnels, remote control (T1572, T1219).

A connection that goes on is told every ten minutes, so it is noticed while it lasts. Known services and targets that
another computer uses as well are left out. Devices hold on to their makers' clouds like this; each of them is told
once in three months.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.analysers.bounded import DAY, Quiet
from collector.analysers.fields import ended, known
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping
from collector.analysers.targets import CONNECTIONS, PATHS, Names, Users, outwards
from collector.heads.head import Entry
from collector.protocols.model import Log, Value

HOURS = 6
"""Pages, calls and downloads are over by then; a working day's tunnel is not."""
PAUSE = 90 * DAY


class LongConnection:
    """Notices `Conn::Long`."""

    name = "long"
    paths: frozenset[str] = PATHS

    def __init__(self, names: Names | None = None) -> None:
        # Shared names learn from whoever made them.
        self._learns = names is None
        self.paths = PATHS if names is None else CONNECTIONS
        self._names = names or Names()
        self._users = Users(2)
        self._quiet = Quiet(PAUSE, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log."""
        if self._learns:
            self._names.learn(entry)
        flow = entry.flow
        if flow is None or entry.log.path not in CONNECTIONS:
            return
        name = self._names.of(entry, flow)
        if not outwards(entry) or self._names.serves_all(name, flow):
            return
        target = name or flow.resp_h
        users = self._users.used(target, flow.orig_h)
        seconds = entry.log.fields.get("duration", 0.0)
        if users > 1 or not isinstance(seconds, int | float) or seconds < HOURS * 3600:
            return
        at = ended(entry.log)
        if self._quiet.may(f"{flow.orig_h} {target}", at):
            said: dict[str, Value] = {"src": flow.orig_h, "dst": flow.resp_h, "p": flow.resp_p, "sub": target}
            yield notice("Conn::Long", at, {**said, "n": int(seconds), **known({"server_name": name})})

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return targets that several computers use, and what was noticed."""
        return {"users": self._users.memory(), "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._users.recall(kept.get("users", []))
        self._quiet.recall(kept.get("quiet", []))
