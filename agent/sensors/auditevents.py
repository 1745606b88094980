"""Groups audit records into events, and completes each with what this host knows: parents, names, an id."""

from __future__ import annotations

import time
from collections.abc import Sequence

from agent.sensors.auditrecords import EOE, EXECVE, Raw, merge, parse_lines, serial_of, stamp
from agent.sensors.auditrepeats import Repeats, within_host
from agent.sensors.auditrules import CALL_KEY, FILE_KEY
from agent.sensors.auditstarts import usual_start
from agent.sensors.processes import Process, Processes, Users
from agent.wire.event import CREATED, ID, TIMESTAMP, Record, event_id
from agent.wire.sending.sensor import ALERTING, USUAL, Reading

MAX_PENDING = 2000
"""Events whose records are still arriving."""
MAX_LATE = 500
"""Events that were given up and are remembered, so that the rest of their records makes no second event."""
MAX_LINES = 64
"""Records of one event that are kept."""
PATIENCE = 2.0
"""Seconds after its last record after which an event that got no end is taken as it is.

Beside a daemon that is slow to take its copy, the kernel waits up to half a second before each record.
"""
_SERIALS = 1 << 32
_UNUSED = frozenset({1321, 1323})
_CONFIG_CHANGE = 1305
_FREQUENT = frozenset({"memfd_create", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid"})


class Unseen:
    """Counts the events that never came, by the kernel's consecutive serials: what its socket lost, it does not count.

    Serials are taken when an event's first record is made, so that what its queue refused has none ("audit_lost").
    """

    def __init__(self) -> None:
        self._base = self._high = self._seen = self._told = 0

    def saw(self, serial: int) -> None:
        """Take the serial of a new event; those of an overflow may come late, and the serials begin anew some day."""
        if not self._high or self._high - serial > _SERIALS // 2:
            self._base, self._high, self._seen, self._told = serial - 1, serial, 0, 0
        if serial > self._base:
            self._high = max(self._high, serial)
            self._seen += 1

    def fresh(self) -> int:
        """Return how many have not come since the last answer; asked when all that comes late has come."""
        missing = self._high - self._base - self._seen
        new, self._told = max(0, missing - self._told), max(missing, self._told)
        return new


class Grouping:
    """Collects the records of an event until its end arrives."""

    def __init__(self) -> None:
        self._pending: dict[bytes, list[Raw]] = {}
        self._touched: dict[bytes, float] = {}
        """When the last record of an open event was read."""
        self.late: dict[bytes, bool] = {}
        """Events that were given up: whether more of them has come."""
        self.unseen = Unseen()
        self.dropped = 0
        """Events of which something was lost: too many were open at once, or the rest came too late."""

    def __len__(self) -> int:
        return len(self._pending)

    def feed(self, kind: int, data: bytes, now: float) -> list[Raw] | None:
        """Take one record; return the event's records when it is complete. `now` is monotonic seconds."""
        if kind in _UNUSED or not (name := stamp(data)):
            return None
        if kind == EOE:
            self._touched.pop(name, None)
            return self._pending.pop(name, None)
        if not 1300 <= kind < 1500:
            self.unseen.saw(serial_of(name))
            return [(kind, data)]
        known = self._pending.get(name)
        if known is None:
            if name in self.late:
                self._came_late(name)
                return None
            self.unseen.saw(serial_of(name))
            self._pending[name] = [(kind, data)]
            self._bound()
        elif len(known) < MAX_LINES:
            known.append((kind, data))
        elif kind != EXECVE:
            known[-1] = (kind, data)
        self._touched[name] = now
        return None

    def _came_late(self, name: bytes) -> None:
        self.dropped += not self.late[name]
        self.late[name] = True

    def _bound(self) -> None:
        if len(self._pending) > MAX_PENDING:
            first = next(iter(self._pending))
            del self._pending[first], self._touched[first]
            self.dropped += 1

    def overdue(self, now: float) -> list[bytes]:
        """Return the events of which nothing has been read for too long."""
        return [name for name, touched in self._touched.items() if now - touched >= PATIENCE]

    def expire(self, now: float) -> list[list[Raw]]:
        """Return the events that have waited too long for their end, and give them up."""
        old = self.overdue(now)
        for name in old:
            del self._touched[name]
            self.late[name] = False
        while len(self.late) > MAX_LATE:
            del self.late[next(iter(self.late))]
        return [self._pending.pop(name) for name in old]


class Completion:
    """Turns an event's records into a reading."""

    def __init__(self, boot_id: str, own_pid: int, processes: Processes, users: Users) -> None:
        self._boot_id = boot_id
        self._own_pid = own_pid
        self._processes = processes
        self._users = users
        self._repeats = Repeats()
        self.quiet_until = 0
        """Changes of audit's own settings up to this moment (µs) are ours and not reported."""

    def reading(self, raw: Sequence[Raw]) -> Reading | None:
        """Return the reading, None for the agent's own doings and for what cannot be read."""
        kinds = [kind for kind, _ in raw]
        if EXECVE not in kinds and within_host(raw):
            return None
        record = (usual_start(raw) if EXECVE in kinds else None) or merge(parse_lines(raw))
        if record is None or self._own(record, kinds) or self._repeats.skip(record):
            return None
        record[ID] = event_id(self._boot_id, "audit", f"{record[TIMESTAMP]}:{record['audit.serial']}")
        record[CREATED] = time.time_ns() // 1000
        self._name_users(record)
        self._relate(record)
        return Reading(record, _priority(record))

    def _own(self, record: Record, kinds: Sequence[int]) -> bool:
        at = record[TIMESTAMP]
        if _CONFIG_CHANGE in kinds and isinstance(at, int) and at <= self.quiet_until:
            return True
        return self._own_pid in (record.get("process.parent.pid"), record.get("process.pid"))

    def _name_users(self, record: Record) -> None:
        for number, name in (
            ("user.id", "user.name"),
            ("user.effective.id", "user.effective.name"),
            ("audit.auid", "audit.auid_name"),
        ):
            value = record.get(number)
            found = self._users.name(value) if isinstance(value, str) else None
            if found is not None:
                record[name] = found

    def _relate(self, record: Record) -> None:
        pid, parent_pid = record.get("process.pid"), record.get("process.parent.pid")
        if not isinstance(parent_pid, int):
            return
        parent = self._processes.find(parent_pid)
        if parent is not None:
            _set_parent(record, parent)
        if not isinstance(pid, int):
            return
        if record["audit.type"] == "EXECVE":
            executable, command = record.get("process.executable", ""), record.get("process.command_line", "")
            container = self._processes.container(pid, parent)
            uid = str(record.get("user.id", ""))
            self._processes.add(pid, Process(str(executable), str(command)[:4096], parent_pid, uid, container))
        else:
            known = self._processes.find(pid)
            container = known.container if known is not None else ""
        if container:
            record["container.id"] = container


def _priority(record: Record) -> int:
    """Rank what rules decide on before the calls that come in numbers: connections, files in memory, changed rights."""
    if record["audit.type"] != "SYSCALL":
        return ALERTING
    key = str(record.get("audit.key", "")).split(",")[0]
    rare = key == CALL_KEY and record.get("audit.syscall") not in _FREQUENT
    return ALERTING if rare or key == FILE_KEY else USUAL


def _set_parent(record: Record, parent: Process) -> None:
    if parent.executable:
        record["process.parent.executable"] = parent.executable
    if parent.command_line:
        record["process.parent.command_line"] = parent.command_line
