"""Sign-ins by security tokens (RFC 2743, 4121, 4178): NTLM, and Kerberos' tickets as they are shown to a service.

A carrier (SMB, DCE/RPC, LDAP, HTTP, mail) gives each token to a `SignIn` and tells how it ended. Of a ticket its
service and cipher are readable, so a ticket that can be guessed at is seen even where the mirror port does not show who
issued it. Whose it is is not: the name stands in its sealed part.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from collector.protocols import ber
from collector.protocols.kerberos import cipher, error, name
from collector.protocols.model import Log, Malformed, Scalar, Value
from collector.protocols.ntlm import Exchange

_KRB5 = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#: RFC 4121 4.1: what follows the mechanism's name in a token, with the message's own tag.
_ASKED, _GRANTED, _FAILED = (_KRB5 + kind for kind in (b"\x01\x00\x6e", b"\x02\x00\x6f", b"\x03\x00\x7e"))
#: A carrier may keep less of a token than it says that there is.
_ANYWHERE = 1 << 31


class SignIn:
    """One session's sign-in, by whichever way."""

    __slots__ = ("_error", "_ntlm", "_ticket", "answered")

    def __init__(self) -> None:
        self._ntlm = Exchange()
        self._ticket: dict[str, Scalar] = {}
        self._error = ""
        self.answered = False
        """Whether the service has answered the ticket, for carriers that do not say themselves how it ended."""

    @property
    def user(self) -> str:
        """The name that the client gave in clear, empty where it gave none."""
        return self._ntlm.user

    def take(self, token: bytes) -> None:
        """Read a security token, bare or within SPNEGO; what is none or cut too early is passed over."""
        self._ntlm.take(token)
        with suppress(Malformed, IndexError):
            if (at := token.find(_ASKED)) >= 0:
                self._ticket = _ticket(token, at + len(_ASKED) - 1)
                self._error, self.answered = "", False
            elif (at := token.find(_FAILED)) >= 0:
                self._error, self.answered = _error(token, at + len(_FAILED) - 1), True
            elif _GRANTED in token:
                self.answered = True

    def settle(self, at: int, success: bool | None, status: str = "") -> Sequence[Log]:
        """Return the logs of a sign-in that has ended. None = result unseen."""
        told = self._ntlm.settle(at, success, status)
        ticket, self._ticket = self._ticket, {}
        if not ticket:
            return told
        fields: dict[str, Value] = {"request_type": "AP", **ticket}
        if self._error:
            fields.update(success=False, error_msg=self._error)
        elif success is not None and not told:  # else the ticket was not what it ended with
            fields["success"] = success
            if status and not success:
                fields["status"] = status
        self._error, self.answered = "", False
        return (Log("kerberos", at, fields), *told)


def _ticket(token: bytes, at: int) -> dict[str, Scalar]:
    """Return service and cipher of the ticket in an AP-REQ (RFC 4120 5.5.1), which stand before its sealed part."""
    _, start, end = ber.head(token, at, _ANYWHERE)
    place = _member(token, ber.inner(token, (start, end), ber.SEQUENCE), 0xA3)
    ticket = ber.inner(token, ber.inner(token, place, 0x61), ber.SEQUENCE)
    return {
        "service": name(token, _member(token, ticket, 0xA2)),
        "cipher": cipher(token, _member(token, ticket, 0xA3)),
    }


def _error(token: bytes, at: int) -> str:
    _, start, end = ber.head(token, at, _ANYWHERE)
    return error(token, _member(token, ber.inner(token, (start, end), ber.SEQUENCE), 0xA6))


def _member(token: bytes, place: tuple[int, int], wanted: int) -> tuple[int, int]:
    """Return where a field of a sequence is, without looking behind it. Raises Malformed."""
    for tag, start, end in ber.items(token, *place):
        if tag == wanted:
            return start, end
    raise Malformed("asn1_member_missing")
