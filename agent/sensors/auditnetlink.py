"""The kernel's audit interface over netlink: status, rules, and the sockets that records arrive on.

Source: linux/audit.h (struct audit_status) and netlink(7).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from agent.sensors.auditrules import trimmed

GET, SET, ADD_RULE, DEL_RULE, LIST_RULES = 1000, 1001, 1011, 1012, 1013
REPLACE = 1329
"""The kernel asks whether we live, because another program wants to be the audit daemon."""
ENABLED, FAILURE, PID, BACKLOG_LIMIT, BACKLOG_WAIT = 0x1, 0x2, 0x4, 0x10, 0x20
IMMUTABLE = 2
_NETLINK_AUDIT = 9
_READLOG_GROUP = 1
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 8 << 20
_HEADER = struct.Struct("=IHHII")
_KIND = struct.Struct("=4xH")
_STATUS = struct.Struct("=11I")


class Status(NamedTuple):
    """The kernel's audit state, as far as an agent changes or watches it."""

    enabled: int
    failure: int
    pid: int
    backlog_limit: int
    lost: int
    backlog_wait_time: int


class Control:
    """Asks and sets on a socket of its own; each call waits for the kernel's answer."""

    def __init__(self, connected: socket.socket | None = None) -> None:
        """Raise OSError where the kernel has no audit or this process may not speak to it."""
        self._socket = connected or _bound(0)
        self._socket.settimeout(2.0)

    def status(self) -> Status:
        """Return the present state."""
        for kind, body in self._ask(GET):
            if kind == GET:
                words = _STATUS.unpack(body[: _STATUS.size].ljust(_STATUS.size, b"\0"))
                return Status(words[1], words[2], words[3], words[5], words[6], words[9])
        raise OSError(errno.EPROTO, "the kernel gave no audit status")

    def set(self, mask: int, *, enabled: int = 0, failure: int = 0, backlog_limit: int = 0, wait: int = 0) -> None:
        """Set what `mask` names; raises OSError with the kernel's refusal."""
        self._ask(SET, _STATUS.pack(mask, enabled, failure, 0, 0, backlog_limit, 0, 0, 0, wait, 0))

    def rules(self) -> list[bytes]:
        """Return all loaded rules in the kernel's form, without netlink's padding."""
        return [trimmed(body) for kind, body in self._ask(LIST_RULES) if kind == LIST_RULES]

    def add_rule(self, rule: bytes) -> None:
        """Load a rule; one that is already there is fine."""
        try:
            self._ask(ADD_RULE, rule)
        except FileExistsError:
            return

    def delete_rule(self, rule: bytes) -> None:
        """Unload a rule; one that is not there is fine."""
        with contextlib.suppress(FileNotFoundError):
            self._ask(DEL_RULE, rule)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _ask(self, kind: int, body: bytes = b"") -> list[tuple[int, bytes]]:
        return list(_answers(self._socket, kind, body))


def _answers(sock: socket.socket, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kernel's messages after a request: an acknowledgement may come before what it acknowledges."""
    sock.send(_HEADER.pack(_HEADER.size + len(body), kind, 0x1 | 0x4, 1, 0) + body)
    acknowledged, wanted = False, kind in {GET, LIST_RULES}
    while not acknowledged or wanted:
        data = sock.recv(1 << 16)
        _, got, _, _, _ = _HEADER.unpack_from(data)
        if got == 2:
            code = struct.unpack_from("=i", data, _HEADER.size)[0]
            if code:
                raise OSError(-code, os.strerror(-code))
            acknowledged = True
        elif got == 3:
            acknowledged, wanted = True, False
        else:
            yield got, data[_HEADER.size :]
            wanted = wanted and kind == LIST_RULES


def open_records(*, multicast: bool) -> socket.socket:
    """Return a non-blocking socket for records: beside an audit daemon (multicast), or to become the daemon with."""
    sock = _bound(_READLOG_GROUP if multicast else 0)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    sock.setblocking(False)
    return sock


def _bound(groups: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_AUDIT)
    try:
        sock.bind((0, groups))
    except OSError:
        sock.close()
        raise
    return sock


def set_daemon(sock: socket.socket, pid: int) -> None:
    """Ask, on the socket that shall get the records, to be (own pid) or no longer be (0) the audit daemon.

    The acknowledgement arrives among the records, as a message of kind 2; see `refusal`.
    """
    body = _STATUS.pack(PID, 0, 0, pid, 0, 0, 0, 0, 0, 0, 0)
    sock.send(_HEADER.pack(_HEADER.size + len(body), SET, 0x1 | 0x4, 1, 0) + body)


def message(data: bytes) -> tuple[int, bytes]:
    """Return kind and body of one message."""
    return (_KIND.unpack_from(data)[0], data[16:]) if len(data) >= 16 else (0, b"")


def refusal(body: bytes) -> int:
    """Return the errno of an acknowledgement's body, 0 for agreement."""
    return -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
