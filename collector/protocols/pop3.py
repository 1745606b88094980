"""POP3 (RFC 1939, 2595, 5034): sign-ins, never mail."""

from __future__ import annotations

from collections.abc import Iterator

from collector.protocols.frames import text
from collector.protocols.mailbox import Mailbox
from collector.protocols.model import Flow, Log, Protocol, Side
from collector.protocols.signin import Sasl


class Conversation(Mailbox):
    """One connection of POP3."""

    path = "pop3"

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        #: Commands that wait for their answers: a client may send several at once (RFC 2449 6.6).
        self._ahead = 0

    def _command(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        name = verb.upper()
        if not self._waits:
            self._ahead += 1
        if name == b"USER":
            self._user, self._clear = text(rest, 128), False
        elif name == b"PASS":
            self._clear, self._waits = True, "sign-in"
        elif name == b"APOP":
            self._user, self._clear, self._waits = text(rest.partition(b" ")[0], 128), False, "sign-in"
        elif name == b"AUTH" and rest:
            mechanism, _, initial = rest.partition(b" ")
            self._sasl, self._waits = Sasl(text(mechanism, 32), initial), "sign-in"
        elif name == b"STLS":
            self._waits = "tls"

    def _reply(self, at: int, line: bytes) -> Iterator[Log]:
        if line[:1] not in {b"+", b"-"} or line[:2] == b"+ " or not self._ahead:
            return
        self._ahead -= 1
        if self._waits and not self._ahead:
            yield from self._ended(at, line[:3].upper() == b"+OK")


PROTOCOL = Protocol(
    name="pop3",
    transports=frozenset({"tcp"}),
    ports=frozenset({110}),
    recognises=lambda side, data: side is Side.RESP and data[:4] == b"+OK " and data[-2:] == b"\r\n",
    open=Conversation,
)
