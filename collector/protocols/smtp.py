"""SMTP (RFC 5321, 3207, 4954): from whom to whom, with what answer; TLS or a password in clear. Never the message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from collector.protocols.frames import Lines, text
from collector.protocols.model import Flow, Log, Protocol, Side, Value
from collector.protocols.signin import Sasl

_ADDRESS = re.compile(rb"^(?:FROM|TO):\s*<([^>]{0,320})>", re.IGNORECASE)
#: Receivers of one message that are told.
_RECEIVERS = 64
_VERBS = frozenset({b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"BDAT", b"RSET", b"QUIT", b"STAR", b"AUTH", b"NOOP"})


class Conversation:
    """One connection between mail programs."""

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Lines(), Lines())
        self._helo, self._depth = "", 0
        self._mail: dict[str, Value] = {}
        self._receivers: list[str] = []
        self._sasl: Sasl | None = None
        self._waits = ""
        self._content = False
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        found: list[Log] = []
        for line in self._sides[side].feed(data):
            if side is Side.RESP:
                found += self._reply(at, line)
            elif self._content:
                self._content = line != b"."
                self._waits = "" if self._content else "message"
            elif self._sasl:
                self._sasl.answer(line)
            else:
                self._command(line)
            if self.done:
                break
        return found

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next line: after a message, whose end need not be seen."""
        self._sides[side].lost()
        if side is Side.ORIG and self._content:
            self._content, self._waits = False, "message"
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a message or a sign-in whose end was not seen."""
        return [*self._tell(at, ""), *(self._sasl.settle(at, None) if self._sasl else ())]

    def _command(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        name = verb.upper()
        if name in {b"EHLO", b"HELO"}:
            self._helo = text(rest)
        elif name == b"MAIL":
            found = _ADDRESS.match(rest)
            self._mail = {"mailfrom": text(found[1])} if found else {}
            self._receivers = []
        elif name == b"RCPT":
            found = _ADDRESS.match(rest)
            if found and len(self._receivers) < _RECEIVERS:
                self._receivers.append(text(found[1]))
        elif name == b"AUTH":
            mechanism, _, initial = rest.partition(b" ")
            self._sasl = Sasl(text(mechanism, 32), initial)
            self._waits = "sign-in"
        elif name in {b"DATA", b"BDAT", b"STARTTLS"}:
            self._waits = name.decode().lower()
            # Chunks of BDAT have no end of their own: nothing of this side is read until the answer.
            self._content = name == b"BDAT"

    def _reply(self, at: int, line: bytes) -> Iterator[Log]:
        if not (line[:3].isdigit() and line[3:4] in {b" ", b""}):
            return
        code, said = int(line[:3]), text(line, 128)
        if self._waits == "data":
            self._content, self._waits = code == 354, ""
        elif self._waits == "bdat":
            self._sides[Side.ORIG].lost()
            self._content, self._waits = False, ""
            yield from self._tell(at, said)
        elif self._waits == "message":
            self._waits = ""
            yield from self._tell(at, said)
        elif self._waits == "starttls":
            self._waits = ""
            if code == 220:
                self.done = True
                yield Log("smtp", at, {"helo": self._helo, "last_reply": said, "tls": True})
        elif self._waits == "sign-in" and code == 334 and self._sasl:
            self._sasl.challenge(line[4:])
        elif self._waits == "sign-in" and code != 334:
            yield from self._signed_in(at, code, said)
        elif code >= 500 and self._mail:
            # A sender or a receiver is refused: who asked to send where is worth telling.
            yield from self._tell(at, said)

    def _signed_in(self, at: int, code: int, said: str) -> Iterator[Log]:
        sasl, self._sasl, self._waits = self._sasl, None, ""
        if not sasl:
            return
        yield from sasl.settle(at, code == 235, "" if code == 235 else str(code))
        if not (sasl.user or sasl.clear):
            return
        fields: dict[str, Value] = {"helo": self._helo, "user": sasl.user, "success": code == 235, "last_reply": said}
        if sasl.clear:
            fields["cleartext_password"] = True
        yield Log("smtp", at, fields)

    def _tell(self, at: int, said: str) -> Iterator[Log]:
        if not self._mail and not self._receivers:
            return
        self._depth += 1
        fields: dict[str, Value] = {"trans_depth": self._depth, "helo": self._helo, **self._mail, "tls": False}
        if self._receivers:
            fields["rcptto"] = self._receivers
        if said:
            fields["last_reply"] = said
        self._mail, self._receivers = {}, []
        yield Log("smtp", at, fields)


def _recognises(side: Side, data: bytes) -> bool:
    if side is Side.RESP:
        return data[:4] in {b"220 ", b"220-"} and b"SMTP" in data[:200].upper()
    return data[:5].upper() in {b"EHLO ", b"HELO "}


PROTOCOL = Protocol(
    name="smtp",
    transports=frozenset({"tcp"}),
    ports=frozenset({25, 587, 2525}),
    recognises=_recognises,
    open=Conversation,
    resumes=lambda data: data[:4].upper() in _VERBS or (data[:3].isdigit() and data[3:4] in {b" ", b"-"}),
)
