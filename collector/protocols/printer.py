"""Printing over port 9100 and LPD (RFC 1179): in which language a job comes, and commands that are no printing.

PJL (HP's Printer Job Language reference) can read and write a printer's disk and settings; what is printed is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Protocol, Side, Value

_HEAD = 4096
_ESCAPE = b"\x1b%-12345X"
_LANGUAGE = re.compile(rb"@PJL\s+ENTER\s+LANGUAGE\s*=\s*([A-Za-z0-9]{2,16})", re.IGNORECASE)
_COMMANDS = re.compile(rb"@PJL\s+([A-Z]{2,16})", re.IGNORECASE)
#: Commands of PJL that touch the printer's files, memory and settings rather than print.
_FILES = "FSDIRLIST FSDOWNLOAD FSUPLOAD FSDELETE FSAPPEND FSMKDIR FSQUERY FSINIT"
_SETTINGS = "RDYMSG DEFAULT DMINFO DMCMD RNVRAM WNVRAM UPGRADE INITIALIZE"
_UNUSUAL = frozenset(f"{_FILES} {_SETTINGS}".split())
_STARTS = MappingProxyType({b"%!PS": "POSTSCRIPT", b"\x1bE": "PCL", b") HP-PCL XL": "PCLXL", b"%PDF": "PDF"})
_LPD = MappingProxyType({1: "print waiting", 2: "receive job", 3: "queue state", 4: "queue state", 5: "remove jobs"})


class Conversation:
    """One connection, of which the beginning is looked at."""

    def __init__(self, flow: Flow) -> None:
        self._lpd = flow.resp_p == 515
        self._head = b""
        self._at = 0
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        if side is Side.RESP:
            return ()
        self._at = self._at or at
        self._head = (self._head + data)[:_HEAD]
        return self._tell() if len(self._head) >= _HEAD else ()

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """What came so far is enough."""
        return self._tell()

    def close(self, _at: int) -> Iterable[Log]:
        """Tell of a job that was shorter than what is looked at."""
        return self._tell()

    def _tell(self) -> Iterable[Log]:
        if self.done or not self._head:
            return ()
        self.done = True
        fields = self._queue() if self._lpd else self._job()
        return (Log("printer", self._at, fields),) if fields else ()

    def _queue(self) -> dict[str, Value]:
        command = _LPD.get(self._head[0])
        queue = text(re.split(rb"[\s\n]", self._head[1:256])[0], 64)
        return {"command": command, "queue": queue} if command else {}

    def _job(self) -> dict[str, Value]:
        found = _LANGUAGE.search(self._head)
        start = next((name for begin, name in _STARTS.items() if self._head.startswith(begin)), "")
        language = text(found[1]).upper() if found else start
        fields: dict[str, Value] = {"language": language} if language else {}
        commands = {text(name).upper() for name in _COMMANDS.findall(self._head)}
        if commands:
            fields["pjl"] = sorted(commands)[:32]
            fields["unusual"] = not commands.isdisjoint(_UNUSUAL)
        return fields


PROTOCOL = Protocol(
    name="printer",
    transports=frozenset({"tcp"}),
    ports=frozenset({515, 9100, 9101, 9102}),
    recognises=lambda side, data: side is Side.ORIG and data.startswith((_ESCAPE, b"@PJL")),
    open=Conversation,
)
