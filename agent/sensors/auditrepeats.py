"""What a process does over and over: of the same call with the same target within a minute, the first is enough."""

from __future__ import annotations

from collections import OrderedDict

from agent.sensors.auditrules import CALL_KEY, FILE_KEY, NET_KEY, watched
from agent.wire.event import Record, Value

WINDOW = 60_000_000
"""µs for which a repetition is left out."""
MAX_KNOWN = 4096
"""Remembered calls; the oldest goes first, and is then reported again."""
_WITH_TARGET = frozenset({"ptrace", "process_vm_readv", "process_vm_writev"})
_ALWAYS = frozenset({"init_module", "finit_module", "delete_module", "mknod", "mknodat", "syslog", "socket"})
"""Rare calls of which each one counts."""
_HERE = frozenset({"::1", "::", "0.0.0.0"})  # noqa: S104 (compared with, not bound to)
"""Addresses that name the host itself, beside 127.0.0.0/8."""
_Known = tuple[object, ...]


class Repeats:
    """Tells repetitions, connections within the host and files that nobody watches from what is worth sending."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Known, int] = OrderedDict()

    def skip(self, record: Record) -> bool:
        """Say whether the record of a call that our own rules reported is left out."""
        key = str(record.get("audit.key", "")).split(",")[0]
        if record.get("audit.type") != "SYSCALL" or key not in {NET_KEY, CALL_KEY, FILE_KEY}:
            return False
        if key == FILE_KEY:
            return not _is_watched(record.get("file.path"))
        if key == NET_KEY and not _leaves_the_host(record):
            return True
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


def _leaves_the_host(record: Record) -> bool:
    """Say whether a connection goes to another host; port 0 is what the C library asks to sort addresses."""
    address = record.get("destination.ip")
    if not isinstance(address, str) or not record.get("destination.port"):
        return False
    return not address.startswith("127.") and address not in _HERE


def _is_watched(paths: Value) -> bool:
    """Say whether one of the paths is; a call on an open file names none."""
    return not isinstance(paths, list) or any(watched(str(path).rstrip("/")) for path in paths)
