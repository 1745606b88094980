"""Sign-ins by SASL: a password in clear (PLAIN, LOGIN), which is passed over, or NTLM and Kerberos as in Windows."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Sequence

from collector.protocols.frames import text
from collector.protocols.gss import SignIn
from collector.protocols.model import Log

#: Mechanisms that send the password itself, whatever its coding (RFC 4616, draft-murchison-sasl-login).
CLEAR = frozenset({"PLAIN", "LOGIN"})
#: Mechanisms of security tokens (MS-SMTPNTLM, RFC 4752, RFC 4178).
_WINDOWS = frozenset({"NTLM", "GSSAPI", "GSS-SPNEGO"})


def decoded(raw: bytes) -> bytes:
    """Return what base64 says, nothing where it is none."""
    try:
        return b64decode(raw[:1024], validate=True)
    except (Error, ValueError):
        return b""


def token(raw: bytes) -> bytes:
    """Return a security token out of base64, of a cut one what there is, nothing where it is none."""
    try:
        return b64decode(raw[: len(raw) & ~3], validate=True)
    except (Error, ValueError):
        return b""


def plain(said: bytes) -> str | None:
    """Return who signs in with SASL's PLAIN (RFC 4616): whom to act for, who, the password, parted by NUL."""
    parts = said[:1024].split(b"\0")
    return text(parts[1] or parts[0], 128) if len(parts) == 3 else None


class Sasl:
    """One exchange of SASL in a protocol of lines. `user` is the name given, `clear` whether a password was."""

    __slots__ = ("_mechanism", "_step", "_windows", "clear", "user")

    def __init__(self, mechanism: str, initial: bytes) -> None:
        self._mechanism, self._step = mechanism.upper(), 0
        self.user, self.clear = "", False
        self._windows = SignIn() if self._mechanism in _WINDOWS else None
        if initial:
            self.answer(initial)

    def answer(self, line: bytes) -> None:
        """Take the next line that the client answers with."""
        self._step += 1
        if self._windows:
            self._windows.take(token(line))
            self.user = self._windows.user
        elif self._mechanism == "PLAIN" and self._step == 1:
            if (user := plain(decoded(line))) is not None:
                self.user, self.clear = user, True
        elif self._mechanism == "LOGIN" and self._step == 1:
            self.user = text(decoded(line), 128)
        elif self._mechanism == "LOGIN" and self._step == 2:
            self.clear = True

    def challenge(self, line: bytes) -> None:
        """Take what the server asks with."""
        if self._windows:
            self._windows.take(token(line))

    def settle(self, at: int, success: bool | None, status: str = "") -> Sequence[Log]:
        """Return the logs of a sign-in as Windows does it, which has ended. None = result unseen."""
        return self._windows.settle(at, success, status) if self._windows else ()
