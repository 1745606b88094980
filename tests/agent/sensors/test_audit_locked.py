"""An audit that is locked until the next start of the computer (`auditctl -e 2`).

Setting it here could not be undone, so the kernel's side is played: its answers are those of a 6.18 kernel, but for the
state, which says locked; a locked kernel refuses rules and settings with EPERM, and lets the daemon be named.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.sensors import auditnetlink as netlink
from agent.sensors.audit import AuditSensor
from agent.sensors.auditrules import pack, rules
from agent.wire.sending.sensor import Availability, Item, Reading
from tests.agent.conditions import until

STATUS = bytes.fromhex(
    "3c000000e80300000100000000000000"
    "0000000001000000000000000000000000000000002000001e060100000000007f0000000000000004000000"
)
DONE = bytes.fromhex("10000000030002000100000000000000")
HEADER = struct.Struct("=IHHII")
START = (
    b"audit(1795306202.426:9): arch=c000003e syscall=59 success=yes exit=0 a0=5 a1=6 a2=7 a3=8 items=2 ppid=1 pid=7 "
    b"auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 "
    b'comm="x" exe="/usr/bin/x" key="theirs"'
)


class Locked:
    """A kernel whose audit is locked, with these rules and this daemon."""

    def __init__(self, *loaded: bytes, daemon: int = 0) -> None:
        self.loaded, self.daemon, self.refused = loaded, daemon, 0
        self.ends: list[socket.socket] = []

    def connect(self) -> socket.socket:
        """Return a socket that this kernel answers, as the netlink's would be."""
        ours, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ends.append(end)
        threading.Thread(target=self._serve, args=(end,), daemon=True).start()
        return ours

    def listen(self, *, multicast: bool) -> socket.socket:
        """Return a socket for records."""
        assert multicast is (self.daemon not in {0, os.getpid()})
        sock = self.connect()
        sock.setblocking(False)
        return sock

    def _serve(self, end: socket.socket) -> None:
        with end, contextlib.suppress(ConnectionError):  # closed with an answer that nobody waited for
            while request := end.recv(1 << 16):
                for answer in self._answers(request):
                    end.send(answer)

    def _answers(self, request: bytes) -> Iterator[bytes]:
        kind = HEADER.unpack_from(request)[1]
        mask, pid = struct.unpack_from("=I8xI", request, 16) if kind == netlink.SET else (0, 0)
        allowed = kind in {netlink.GET, netlink.LIST_RULES} or mask == netlink.PID
        self.daemon = pid if mask == netlink.PID else self.daemon
        self.refused += not allowed
        yield message(2, struct.pack("=i", 0 if allowed else -errno.EPERM) + request[:16])
        if kind == netlink.GET:
            status = bytearray(STATUS)
            struct.pack_into("=I4xI", status, 16 + 4, netlink.IMMUTABLE, self.daemon)
            yield bytes(status)
        elif kind == netlink.LIST_RULES:
            yield from (message(netlink.LIST_RULES, rule) for rule in self.loaded)
            yield DONE


def message(kind: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, 0, 1, 0) + body


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Locked], Locked]:
    """Put a kernel in the place of this one."""
    control = netlink.Control

    def begin(kernel: Locked) -> Locked:
        monkeypatch.setattr(netlink, "Control", lambda: control(kernel.connect()))
        monkeypatch.setattr(netlink, "open_records", kernel.listen)
        monkeypatch.setattr("os.geteuid", lambda: 0)
        return kernel

    return begin


def test_the_kernel_says_no(play: Callable[[Locked], Locked]) -> None:
    play(Locked())
    control = netlink.Control()
    assert control.status() == netlink.Status(netlink.IMMUTABLE, 0, 0, 8192, 67102, 0)
    rule = rules("x86_64")[0]
    with pytest.raises(PermissionError):
        control.add_rule(rule)
    with pytest.raises(PermissionError):
        control.delete_rule(rule)
    with pytest.raises(PermissionError):
        control.set(netlink.ENABLED, enabled=1)
    control.close()


def test_without_rules_of_ours_it_says_so_and_reports_what_the_hosts_own_bring(
    tmp_path: Path, play: Callable[[Locked], Locked]
) -> None:
    kernel = play(Locked(pack((59,), ((210, 0x40000000, "theirs"),))))
    sensor = AuditSensor(tmp_path, "boot", "x86_64")
    assert sensor.availability() == Availability("limited", "sensor.reason.auditd_immutable")
    sensor.open({})
    until(lambda: kernel.daemon == os.getpid())
    kernel.ends[-1].send(message(1300, START))
    kernel.ends[-1].send(message(1320, START[:26]))
    items: list[Item] = []

    def read() -> bool:
        items.extend(sensor.read())
        return bool(items)

    until(read)
    (reading,) = items
    assert isinstance(reading, Reading)
    assert reading.record is not None
    assert reading.record["audit.key"] == "theirs"
    assert sensor.availability() == Availability("limited", "sensor.reason.auditd_immutable")
    sensor.close()
    until(lambda: kernel.daemon == 0)
    assert kernel.refused == 0, "nothing is asked that must be refused"


def test_an_agent_that_got_no_time_reads_what_waits_before_it_gives_an_event_up(
    tmp_path: Path, play: Callable[[Locked], Locked], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = play(Locked())
    sensor = AuditSensor(tmp_path, "boot", "x86_64")
    sensor.open({})
    until(lambda: kernel.daemon == os.getpid())
    kernel.ends[-1].send(message(1300, START))

    def begun() -> bool:
        assert sensor.read() == []
        return sensor.wait() is not None

    until(begun)
    kernel.ends[-1].send(message(1309, START[:26] + b'argc=1 a0="x"'))
    kernel.ends[-1].send(message(1320, START[:26]))
    later = time.monotonic() + 5
    monkeypatch.setattr("agent.sensors.audit.time.monotonic", lambda: later)
    (reading,) = sensor.tick()
    assert isinstance(reading, Reading)
    assert reading.record is not None
    assert reading.record["process.args"] == ["x"]
    assert sensor.tick() == []
    sensor.close()


def test_with_the_rules_of_an_earlier_run_all_is_seen_and_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, play: Callable[[Locked], Locked]
) -> None:
    monkeypatch.setattr("agent.sensors.audit.CHECK_EVERY", 0.0)
    kernel = play(Locked(*rules("x86_64"), daemon=os.getppid()))
    sensor = AuditSensor(tmp_path, "boot", "x86_64")
    assert sensor.availability() == Availability("on")
    sensor.open({})
    assert sensor.tick() == []
    sensor.close()
    assert (kernel.daemon, kernel.refused) == (os.getppid(), 0)
