"""Syslog over UDP (RFC 3164, RFC 5424): who reports to whom, of what weight, in clear. The message is not kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_PRIORITY = re.compile(rb"^<(\d{1,3})>")
_FACILITIES = (
    "KERN USER MAIL DAEMON AUTH SYSLOG LPR NEWS UUCP CRON AUTHPRIV FTP NTP AUDIT ALERT CLOCK "
    "LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7"
)
_NAMES = tuple(_FACILITIES.split())
_SEVERITIES = ("EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")


class Conversation:
    """One flow: each facility and severity is told once."""

    done = False

    def __init__(self, _flow: Flow) -> None:
        self._told: set[int] = set()

    def feed(self, _side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram."""
        found = _PRIORITY.match(data)
        number = int(found[1]) if found else 1000
        if number >= 8 * len(_NAMES):
            raise Malformed("syslog_priority")
        if number in self._told:
            return ()
        self._told.add(number)
        fields: dict[str, Value] = {"facility": _NAMES[number >> 3], "severity": _SEVERITIES[number & 7]}
        return (Log("syslog", at, fields),)

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """A lost datagram changes nothing."""
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()


PROTOCOL = Protocol(
    name="syslog",
    transports=frozenset({"udp"}),
    ports=frozenset({514}),
    recognises=lambda _side, data: bool(_PRIORITY.match(data)) and data[data.find(b">") + 1 :][:4].isalnum(),
    open=Conversation,
)
