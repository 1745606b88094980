"""MySQL and MariaDB (client/server protocol 10): that it is spoken, and TLS where the client takes it; no sign-in."""

from __future__ import annotations

import re

from collector.protocols.model import Log, Protocol, Side
from collector.protocols.tls.behind import Behind

#: The head of a packet: its length (3 bytes, the least first) and number; of a greeting also protocol and version.
_HEAD = 4
_GREETING = re.compile(rb"..\0\0\x0a\d{1,2}\.\d{1,2}[!-~]{0,60}\0", re.DOTALL)
#: The request for TLS: its length, and the bit of what a client can that says so.
_SWITCH, _TLS = 32, 0x08


class Conversation(Behind):
    """One connection."""

    def _message(self, side: Side, at: int, data: bytes, logs: list[Log]) -> int:
        if len(data) < _HEAD:
            return 0
        size = int.from_bytes(data[:3], "little")
        if len(data) < _HEAD + size:
            return 0
        if side is Side.ORIG:
            self._begun = size == _SWITCH and bool(data[5] & _TLS)
            self._over = not self._begun
        return _HEAD + size


PROTOCOL = Protocol(
    name="mysql",
    transports=frozenset({"tcp"}),
    ports=frozenset(),
    recognises=lambda side, data: side is Side.RESP and _GREETING.match(data) is not None,
    open=Conversation,
)
