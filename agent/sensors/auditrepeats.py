"""What is not worth sending: connections within the host, and what a process does over and over within a minute."""

from __future__ import annotations

import re
import socket
import sys
from collections import OrderedDict
from collections.abc import Sequence

from agent.sensors.auditrecords import SOCKADDR, SYSCALL, Raw
from agent.sensors.auditrules import CALL_KEY, FILE_KEY, NET_KEY, SEPARATOR, watched
from agent.wire.event import Record, Value

WINDOW = 60_000_000
"""µs for which a repetition is left out."""
MAX_KNOWN = 4096
"""Remembered calls; the oldest goes first, and is then reported again."""
_WITH_TARGET = frozenset({"ptrace", "process_vm_readv", "process_vm_writev"})
_ALWAYS = frozenset({"init_module", "finit_module", "delete_module", "mknod", "mknodat", "syslog", "socket"})
"""Rare calls of which each one counts."""
_OUR_CONNECTION = f"key={f'{NET_KEY}{SEPARATOR}'.encode().hex().upper()}".encode()
_V4, _V6 = (family.to_bytes(2, sys.byteorder).hex().upper() for family in (socket.AF_INET, socket.AF_INET6))
_LEAVES = re.compile(
    rf"saddr=(?:{_V4}(?!0000)[0-9A-F]{{4}}(?!7F|0{{8}})[0-9A-F]{{8}}"
    rf"|{_V6}(?!0000)[0-9A-F]{{12}}(?!0{{31}}[01]|0{{20}}FFFF(?:7F|0{{8}}))[0-9A-F]{{32}})".encode()
)
"""An address (ip(7), ipv6(7)) of another host: not 127.0.0.0/8, ::1 nor the unspecified one, also as IPv6 writes IPv4;
and a port, for port 0 is what the C library asks to sort addresses."""
_Known = tuple[object, ...]


def within_host(raw: Sequence[Raw]) -> bool:
    """Say of a connection that our own rules reported whether it stays on this host; False for all other events.

    Asked before the records are read: programs that talk to each other on one host do so hundreds of times a second.
    """
    ours = any(kind == SYSCALL and _OUR_CONNECTION in data for kind, data in raw)
    return ours and not any(kind == SOCKADDR and _LEAVES.search(data) for kind, data in raw)


class Repeats:
    """Tells repetitions and files that nobody watches from what is worth sending."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Known, int] = OrderedDict()

    def skip(self, record: Record) -> bool:
        """Say whether the record of a call that our own rules reported is left out."""
        if record.get("audit.type") != "SYSCALL":
            return False
        key = str(record.get("audit.key", "")).split(",")[0]
        if key not in {NET_KEY, CALL_KEY, FILE_KEY}:
            return False
        if key == FILE_KEY:
            return not _is_watched(record.get("file.path"))
        call = record.get("audit.syscall")
        if call in _ALWAYS:
            return False
        target = record.get("audit.syscall.a1") if call in _WITH_TARGET else record.get("destination.ip")
        return self._seen((record.get("process.pid"), call, target, record.get("destination.port")), record)

    def _seen(self, what: _Known, record: Record) -> bool:
        at = record["@timestamp"]
        assert isinstance(at, int)
        last = self._known.get(what)
        if last is not None and 0 <= at - last < WINDOW:
            return True
        self._known[what] = at
        self._known.move_to_end(what)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return False


def _is_watched(paths: Value) -> bool:
    """Say whether one of the paths is; a call on an open file names none."""
    return not isinstance(paths, list) or any(watched(str(path).rstrip("/")) for path in paths)
