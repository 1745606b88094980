"""Windows' sign-ins over HTTP (RFC 4559): NTLM and Kerberos, to a server or to a proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.protocols.gss import SignIn
from collector.protocols.http.heads import Head
from collector.protocols.model import Log, Value
from collector.protocols.signin import token

_PROOFS = (b"authorization", b"proxy-authorization")
_CHALLENGES = (b"www-authenticate", b"proxy-authenticate")
_SCHEMES = frozenset({b"ntlm", b"negotiate"})
_REFUSALS = frozenset({401, 407})


class Proof:
    """One connection's sign-in: it holds for the connection, not for a request."""

    def __init__(self) -> None:
        self._sign_in = SignIn()
        self._told: list[Mapping[str, Value]] = []

    def asked(self, head: Head) -> bool:
        """Take a request; return whether somebody signs in with it."""
        found = _tokens(head, _PROOFS)
        for one in found:
            self._sign_in.take(one)
        return bool(found)

    def answered(self, at: int, head: Head, code: int, *, asked: bool) -> Sequence[Log]:
        """Take the response to a request that `asked` so or not; return how it ended, if it did."""
        challenges = _tokens(head, _CHALLENGES)
        for one in challenges:
            self._sign_in.take(one)
        if not asked or (code in _REFUSALS and challenges and not self._sign_in.answered):
            return ()
        refused = code in _REFUSALS
        logs = self._sign_in.settle(at, not refused, str(code) if refused else "")
        before, self._told = self._told, [log.fields for log in logs]
        # A ticket may come with each request.
        return logs if self._told != before else ()

    def close(self, at: int) -> Sequence[Log]:
        """Tell a sign-in whose end was not seen."""
        return self._sign_in.settle(at, None)


def _tokens(head: Head, names: Sequence[bytes]) -> list[bytes]:
    parts = [head.values.get(name, b"").partition(b" ") for name in names]
    return [found for scheme, _, raw in parts if scheme.lower() in _SCHEMES and (found := token(raw.strip()))]
