"""PostgreSQL (its manual, 55.2): that it is spoken, and TLS where both sides take it; no sign-in and no query."""

from __future__ import annotations

from collector.protocols.model import Log, Protocol, Side
from collector.protocols.tls.behind import Behind

_VERSION_3, _CANCEL, _TLS, _GSS = b"\0\3\0\0", b"\x04\xd2\x16\x2e", b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"
#: Requests of eight bytes that the server answers with one: as asked, or not.
_ASKED = frozenset({_TLS, _GSS})
_REFUSED = b"N"


class Conversation(Behind):
    """One connection."""

    _wanted = b""

    def _message(self, side: Side, at: int, data: bytes, logs: list[Log]) -> int:
        if side is Side.RESP:
            self._begun = self._wanted == _TLS and data[:1] == b"S"
            self._over = not self._begun and data[:1] != _REFUSED
            return 1
        if len(data) < 8:
            return 0
        self._wanted = data[4:8]
        # What is no question comes in clear, or is within Kerberos.
        self._over = self._wanted not in _ASKED
        return 8


def _recognises(side: Side, data: bytes) -> bool:
    if side is Side.RESP or len(data) < 8:
        return False
    size, code = int.from_bytes(data[:4], "big"), data[4:8]
    if code in _ASKED:
        return size == 8
    return (code == _CANCEL and size == 16) or (code == _VERSION_3 and size == len(data) and data[8:13] == b"user\0")


PROTOCOL = Protocol(
    name="postgresql",
    transports=frozenset({"tcp"}),
    ports=frozenset(),
    recognises=_recognises,
    open=Conversation,
)
