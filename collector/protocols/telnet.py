"""Telnet (RFC 854): that somebody signs in with a password in clear, as whom, and whether it went well.

Nothing else is read: neither what is typed later nor what is answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from collector.protocols.model import Flow, Log, Protocol, Side, Value

# Of Polish words the letters with marks may be of any coding.
_NAME = re.compile(rb"(?:login|user ?name|user|u.{1,2}ytkownik)\s*:\s*$", re.IGNORECASE)
_PASSWORD = re.compile(rb"(?:password|passwd|has.{1,2}o|pass)\s*:\s*$", re.IGNORECASE)
_REFUSED = re.compile(rb"incorrect|invalid|failed|denied|b.{2,4}dn", re.IGNORECASE)
#: Commands of the protocol: IAC and one or two bytes, or a sub-negotiation.
_COMMAND = re.compile(rb"\xff(?:\xfa.{0,64}?\xff\xf0|[\xfb-\xfe].|[\xf0-\xf9])", re.DOTALL)
#: What a server shows once a password is taken or not: a line, or a prompt.
_SHOWN = re.compile(rb"\S[^\n]*\n|[#>$%:\]~]\s?$")
_UNTYPED = re.compile(rb"[^ -~]")
_TAIL, _TYPED, _MOST = 256, 64, 64


class Conversation:
    """One connection, read until a sign-in has gone well."""

    def __init__(self, _flow: Flow) -> None:
        self._shown = b""
        self._typed = b""
        self._user, self._step, self._told = "", "", 0
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        data = _COMMAND.sub(b"", data)
        if side is Side.ORIG:
            self._type(data)
            return ()
        return self._show(at, data) if data else ()

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """What is missing is waited for no longer."""
        self._shown = self._typed = b""
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a sign-in whose end was not seen."""
        return self._tell(at, None) if self._step == "sent" else ()

    def _type(self, data: bytes) -> None:
        if self._step == "name":
            self._typed = (self._typed + data)[:_TYPED]
            if b"\r" in data or b"\n" in data:
                self._user = _UNTYPED.sub(b"", re.split(rb"[\r\n]", self._typed)[0]).decode("ascii")
        elif self._step == "password" and (b"\r" in data or b"\n" in data):
            self._step, self._shown = "sent", b""

    def _show(self, at: int, data: bytes) -> Iterable[Log]:
        self._shown = (self._shown + data)[-_TAIL:]
        if self._step == "sent":
            if _REFUSED.search(self._shown):
                return self._tell(at, False)
            if _SHOWN.search(self._shown):
                return self._tell(at, not _NAME.search(self._shown))
        elif _PASSWORD.search(self._shown):
            self._step = "password"
        elif _NAME.search(self._shown):
            self._step, self._typed, self._user = "name", b"", ""
        return ()

    def _tell(self, at: int, good: bool | None) -> Iterable[Log]:
        self._told += 1
        self.done = bool(good) or self._told >= _MOST
        self._step = "name" if _NAME.search(self._shown) else ""
        fields: dict[str, Value] = {"cleartext_password": True}
        if self._user:
            fields["user"] = self._user
        if good is not None:
            fields["success"] = good
        self._user, self._typed = "", b""
        return (Log("telnet", at, fields),)


PROTOCOL = Protocol(
    name="telnet",
    transports=frozenset({"tcp"}),
    ports=frozenset({23, 2323}),
    recognises=lambda _side, data: data[:1] == b"\xff" and data[1:2] in {b"\xfb", b"\xfc", b"\xfd", b"\xfe"},
    open=Conversation,
)
