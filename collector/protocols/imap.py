"""IMAP (RFC 3501, 9051): sign-ins, never mail."""

from __future__ import annotations

from collections.abc import Iterator

from collector.protocols.frames import text
from collector.protocols.mailbox import Mailbox
from collector.protocols.model import Log, Protocol, Side
from collector.protocols.signin import Sasl


class Conversation(Mailbox):
    """One connection of IMAP."""

    path = "imap"

    def _command(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        verb, _, rest = rest.partition(b" ")
        name = verb.upper()
        if name == b"LOGIN":
            self._user, self._clear = text(_first(rest), 128), True
            self._tag, self._waits = tag, "sign-in"
        elif name == b"AUTHENTICATE":
            mechanism, _, initial = rest.partition(b" ")
            self._sasl = Sasl(text(mechanism, 32), initial)
            self._tag, self._waits = tag, "sign-in"
        elif name == b"STARTTLS":
            self._tag, self._waits = tag, "tls"

    def _reply(self, at: int, line: bytes) -> Iterator[Log]:
        tag, _, rest = line.partition(b" ")
        if self._waits and tag == self._tag:
            yield from self._ended(at, rest[:2].upper() == b"OK")


def _first(rest: bytes) -> bytes:
    """Return the first of IMAP's arguments: quoted, or up to a space (a literal stands on the next line)."""
    if rest[:1] == b'"':
        return rest[1:].partition(b'"')[0]
    word = rest.partition(b" ")[0]
    return b"" if word[:1] == b"{" else word


PROTOCOL = Protocol(
    name="imap",
    transports=frozenset({"tcp"}),
    ports=frozenset({143}),
    recognises=lambda side, data: side is Side.RESP and data[:5] == b"* OK " and b"IMAP" in data[:256].upper(),
    open=Conversation,
)
