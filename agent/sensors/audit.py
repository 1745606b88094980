"""Every program start on Linux, from the kernel's audit: as its daemon where there is none, else beside the daemon."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from agent.sensors import auditnetlink as netlink
from agent.sensors import auditrules, auditstate
from agent.sensors.auditevents import Completion, Grouping
from agent.sensors.processes import Processes, Users
from agent.wire.sending.sensor import About, Availability, Gap, Item, SensorLost

LOG = logging.getLogger(__name__)
CHECK_EVERY = 30.0
"""Seconds between checks of the kernel's loss counter and of our rules."""
_PER_READ = 3000
_BACKLOG = 8192
_MESSAGE = 16 * 1024
"""The kernel's messages are shorter than 9 KB; a larger buffer costs time for each of them."""


class AuditSensor:
    """The audit netlink as a sensor."""

    about = About(
        "audit",
        "Uruchamiane programy: polecenie, folder, użytkownik, proces nadrzędny; z czym się łączą (adres i port, bez "
        "treści); kto zmienia ważne pliki systemu (audyt jądra systemu).",
        "Programs that start: command, folder, user, parent process; what they connect to (address and port, no "
        "content); who changes important files of the system (kernel audit).",
    )

    def __init__(
        self, home: Path, boot_id: str, machine: str | None = None, processes: Processes | None = None
    ) -> None:
        """Keep the host's own settings under `home` while they are changed; `processes` may be shared."""
        self._before_file = home / "audit-before.json"
        self._boot_id = boot_id
        self._machine = machine or os.uname().machine
        self._loaded: set[bytes] = set()
        self._refused = 0
        self._socket: socket.socket | None = None
        self._control: netlink.Control | None = None
        self._before: netlink.Status | None = None
        self._daemon = False
        self._lost = 0
        self._checked = 0.0
        self._since = 0
        self._overflow = 0
        self._drained = True
        self._grouping = Grouping()
        self._processes = processes or Processes()
        self._completion = Completion(boot_id, os.getpid(), self._processes, Users())

    def availability(self) -> Availability:
        """Root and a kernel with audit are needed; an immutable state cannot take our rules."""
        if os.geteuid() != 0:
            return Availability("off", "sensor.reason.needs_root")
        try:
            control = self._control or netlink.Control()
        except OSError:
            return Availability("off", "sensor.reason.no_audit")
        try:
            status = control.status()
            if status.enabled == netlink.IMMUTABLE and not any(map(auditrules.is_ours, control.rules())):
                return Availability("limited", "sensor.reason.auditd_immutable")
        except OSError as error:
            reason = "needs_root" if error.errno in {errno.EPERM, errno.EACCES} else "no_audit"
            return Availability("off", f"sensor.reason.{reason}")
        finally:
            if control is not self._control:
                control.close()
        if not auditrules.required(self._machine):
            return Availability("limited", "sensor.reason.unknown_machine")
        return Availability("limited", "sensor.reason.audit_rules_refused") if self._refused else Availability("on")

    def open(self, _bookmarks: Mapping[str, str]) -> list[Item]:
        """Load the rules and start to receive."""
        self._processes.fill()
        self._completion = Completion(self._boot_id, os.getpid(), self._processes, Users())
        self._grouping = Grouping()
        self._control = netlink.Control()
        status = self._control.status()
        self._before = auditstate.remember(self._before_file, status, self._boot_id)
        other = status.pid not in {0, os.getpid()} and auditstate.alive(status.pid)
        self._socket = netlink.open_records(multicast=other)
        self._lost, self._since, self._checked = status.lost, _micros(), time.monotonic()
        if status.enabled != netlink.IMMUTABLE:
            self._arrange(status, other=other)
        elif not other:
            netlink.set_daemon(self._socket, os.getpid())
            self._daemon = True
        self._completion.quiet_until = _micros()
        LOG.info("audit_opened beside_daemon=%s enabled_before=%d", other, status.enabled)
        return []

    def _arrange(self, status: netlink.Status, *, other: bool) -> None:
        control, sock = self._control, self._socket
        assert control is not None
        assert sock is not None
        self._load(control)
        if not other:
            control.set(netlink.FAILURE | netlink.BACKLOG_LIMIT | netlink.BACKLOG_WAIT, backlog_limit=_BACKLOG, wait=0)
            netlink.set_daemon(sock, os.getpid())
            self._daemon = True
        if status.enabled == 0:
            control.set(netlink.ENABLED, enabled=1)

    def _load(self, control: netlink.Control) -> bool:
        """Load the rules that are not there, unload ours of another version; say whether loaded ones had gone."""
        wanted, there = auditrules.rules(self._machine), set(control.rules())
        for rule in filter(auditrules.is_ours, there.difference(wanted)):
            control.delete_rule(rule)
        self._refused = 0
        for number, rule in enumerate(wanted):
            if rule in there:  # the kernel would report the attempt
                continue
            try:
                control.add_rule(rule)
            except OSError as error:
                if number < auditrules.required(self._machine):
                    raise
                self._refused += 1
                LOG.warning("audit_rule_refused number=%d error=%s", number, error)
        gone = not there.issuperset(self._loaded.intersection(wanted))
        self._loaded = set(wanted)
        return gone

    def fileno(self) -> int:
        """Return the record socket's descriptor."""
        return self._socket.fileno() if self._socket is not None else -1

    def read(self) -> list[Item]:
        """Drain the socket, up to a bound."""
        items: list[Item] = []
        assert self._socket is not None
        now, self._drained = time.monotonic(), False
        for _ in range(_PER_READ):
            try:
                data = self._socket.recv(_MESSAGE)
            except BlockingIOError:
                self._drained = True
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._overflow += 1
                items.append(Gap("audit_overflow", 0, self._since, _micros()))
                continue
            self._message(data, now, items)
        self._since = _micros()
        return items

    def _message(self, data: bytes, now: float, items: list[Item]) -> None:
        kind, body = netlink.message(data)
        if not 1300 <= kind < netlink.REPLACE and not self._wanted(kind, body):
            return
        raw = self._grouping.feed(kind, body, now)
        reading = self._completion.reading(raw) if raw else None
        if reading is not None:
            items.append(reading)

    def _wanted(self, kind: int, body: bytes) -> bool:
        """Say whether a message other than a system call's is a record; raises SensorLost for some that are not."""
        if kind == 2 and netlink.refusal(body):
            self._daemon = False
            raise SensorLost(f"the kernel refused us as audit daemon: {os.strerror(netlink.refusal(body))}")
        if kind == netlink.REPLACE:
            raise SensorLost("another audit daemon wants to start, receiving beside it from now on", 2.0)
        return kind >= 1006 and not netlink.ADD_RULE <= kind <= netlink.LIST_RULES

    def wait(self) -> float | None:
        """Ask for a tick soon while events are incomplete."""
        return 1.0 if len(self._grouping) else None

    def tick(self) -> list[Item]:
        """Give up on endless events; now and then compare the kernel's loss counter and our rules."""
        now = time.monotonic()
        # The rest of an event may wait in the socket: an agent that got no time is late itself.
        items = self.read() if self._grouping.overdue(now) else []
        for raw in self._grouping.expire(now) if self._drained else ():
            reading = self._completion.reading(raw)
            if reading is not None:
                items.append(reading)
        if self._grouping.dropped:
            items.append(Gap("audit_incomplete", self._grouping.dropped, _micros(), _micros()))
            self._grouping.dropped = 0
        if now - self._checked >= CHECK_EVERY:
            items += self._check()
        return items

    def _check(self) -> list[Item]:
        assert self._control is not None
        last_check = self._last_check()
        status = self._control.status()
        items = self._losses(status)
        self._checked = time.monotonic()
        foreign = status.pid not in {0, os.getpid()} and auditstate.alive(status.pid)
        if self._daemon == foreign:  # replaced as the daemon, or left alone beside none
            raise SensorLost("the audit daemon has changed", 0.0)
        if status.enabled != netlink.IMMUTABLE:
            items += self._rules_back(self._control, status, last_check)
        return items

    def _last_check(self) -> int:
        return _micros() - int((time.monotonic() - self._checked) * 1_000_000)

    def _losses(self, status: netlink.Status) -> list[Item]:
        lost, unseen = (status.lost - self._lost) % (1 << 32), self._grouping.unseen.fresh()
        self._lost = status.lost
        counted = (("audit_lost", lost), ("audit_overflow", unseen))
        return [Gap(cause, count, self._last_check(), _micros()) for cause, count in counted if count]

    def _rules_back(self, control: netlink.Control, status: netlink.Status, last_check: int) -> list[Item]:
        """Put back what somebody took away, and take up folders that are new."""
        before = self._loaded
        gone = self._load(control)
        if status.enabled == 0:
            control.set(netlink.ENABLED, enabled=1)
        if not gone and status.enabled and before == self._loaded:
            return []
        self._completion.quiet_until = _micros()
        return [Gap("audit_rules_removed", 0, last_check, _micros())] if gone or status.enabled == 0 else []

    def finish(self) -> list[Item]:
        """Tell what the kernel has lost since the last check; nothing else is held back."""
        return self._losses(self._control.status()) if self._control is not None else []

    def close(self) -> None:
        """Stop receiving, unload our rules and restore the settings that stood before."""
        if self._socket is not None:
            if self._daemon:
                with contextlib.suppress(OSError):
                    netlink.set_daemon(self._socket, 0)
            self._socket.close()
        if self._control is not None and self._before is not None:
            try:
                auditstate.restore(self._control, self._before, self._before_file, ours=self._daemon)
            except OSError as error:
                LOG.warning("audit_not_restored error=%s", error)
        if self._control is not None:
            self._control.close()
        self._socket = self._control = self._before = None
        self._loaded = set()
        self._daemon = False


def _micros() -> int:
    return time.time_ns() // 1000
