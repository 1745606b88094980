"""Sign-ins with a password in clear (SASL's PLAIN and LOGIN): the user's name is told, the password is passed over."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

from collector.protocols.frames import text

#: Mechanisms that send the password itself, whatever its coding (RFC 4616, draft-murchison-sasl-login).
CLEAR = frozenset({"PLAIN", "LOGIN"})


def decoded(raw: bytes) -> bytes:
    """Return what base64 says, nothing where it is none."""
    try:
        return b64decode(raw[:1024], validate=True)
    except (Error, ValueError):
        return b""


class Sasl:
    """One exchange of SASL in a protocol of lines. `user` is the name given, `clear` whether a password was."""

    __slots__ = ("_mechanism", "_step", "clear", "user")

    def __init__(self, mechanism: str, initial: bytes) -> None:
        self._mechanism, self._step = mechanism.upper(), 0
        self.user, self.clear = "", False
        if initial:
            self.answer(initial)

    def answer(self, line: bytes) -> None:
        """Take the next line that the client answers with."""
        self._step += 1
        if self._mechanism == "PLAIN" and self._step == 1:
            # RFC 4616: whom to act for, who signs in, the password, parted by NUL.
            parts = decoded(line).split(b"\0")
            if len(parts) == 3:
                self.user, self.clear = text(parts[1] or parts[0], 128), True
        elif self._mechanism == "LOGIN" and self._step == 1:
            self.user = text(decoded(line), 128)
        elif self._mechanism == "LOGIN" and self._step == 2:
            self.clear = True
