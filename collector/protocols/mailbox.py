"""What POP3 and IMAP have in common: the sign-in, and whether its password went in clear.

Nothing is read after the sign-in, nor after TLS has begun.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from collector.protocols.frames import Lines
from collector.protocols.model import Flow, Log, Side, Value
from collector.protocols.signin import Sasl

#: Sign-ins of one connection that are told.
_MOST = 64


class Mailbox(ABC):
    """One connection: one command of interest at a time, its answer, and the end."""

    path = ""

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Lines(), Lines())
        self._waits, self._tag, self._told = "", b"", 0
        self._user, self._clear = "", False
        self._sasl: Sasl | None = None
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        found: list[Log] = []
        for line in self._sides[side].feed(data):
            if side is Side.RESP:
                if self._sasl and line[:2] == b"+ ":
                    self._sasl.challenge(line[2:])
                found += self._reply(at, line)
            elif self._sasl and self._waits == "sign-in":
                self._sasl.answer(line)
            else:
                self._command(line)
            if self.done:
                break
        return found

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next line."""
        self._sides[side].lost()
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a sign-in that was not answered."""
        return list(self._signed_in(at, None)) if self._waits == "sign-in" else ()

    @abstractmethod
    def _command(self, line: bytes) -> None:
        """Take a line of the client."""

    @abstractmethod
    def _reply(self, at: int, line: bytes) -> Iterator[Log]:
        """Take a line of the server."""

    def _ended(self, at: int, good: bool) -> Iterator[Log]:
        """A command of interest was answered for good."""
        waited, self._waits = self._waits, ""
        if waited == "tls" and good:
            self.done = True
            yield Log(self.path, at, {"command": "STARTTLS", "tls": True})
        elif waited == "sign-in":
            yield from self._signed_in(at, good)

    def _signed_in(self, at: int, good: bool | None) -> Iterator[Log]:
        sasl, self._sasl, self._waits = self._sasl, None, ""
        user, clear = (sasl.user, sasl.clear) if sasl else (self._user, self._clear)
        self._told += 1
        self.done = bool(good) or self._told >= _MOST
        fields: dict[str, Value] = {"command": "LOGIN"}
        if user:
            fields["user"] = user
        if clear:
            fields["cleartext_password"] = True
        if good is not None:
            fields["success"] = good
        yield Log(self.path, at, fields)
        if sasl:
            yield from sasl.settle(at, good)
