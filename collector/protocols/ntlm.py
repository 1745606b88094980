"""NTLM (MS-NLMP) in whatever carries it: who signs in, from which computer, to which server, with which version.

Whoever reads security tokens (gss.py) gives each to an `Exchange` and tells how the sign-in ended.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from collector.protocols.frames import text, utf16
from collector.protocols.model import Log, Scalar

SIGNATURE = b"NTLMSSP\0"
_UNICODE, _VERSION = 0x1, 0x02000000
_PAIRS = 32
#: What a server tells of itself (MS-NLMP 2.2.2.1) → Zeek's field.
_SERVER = {1: "server_nb_computer_name", 3: "server_dns_computer_name", 5: "server_tree_name"}


class Exchange:
    """The sign-in of one session: three messages, of which the last one names the user."""

    __slots__ = ("_fields", "_named")

    def __init__(self) -> None:
        self._fields: dict[str, Scalar] = {}
        self._named = False

    @property
    def user(self) -> str:
        """The name that the client gave, empty before it gave one."""
        return str(self._fields.get("username", "")) if self._named else ""

    def take(self, token: bytes) -> None:
        """Read a security token, bare or within SPNEGO; what is no NTLM or cut is passed over."""
        start = token.find(SIGNATURE)
        if start < 0 or len(token) < start + 12:
            return
        message = token[start:]
        kind = message[8]
        if kind == 2 and len(message) >= 48:
            self._challenge(message)
        elif kind == 3 and len(message) >= 64:
            self._authenticate(message)

    def settle(self, at: int, success: bool | None, status: str = "") -> Sequence[Log]:
        """Return the log of a sign-in that has ended: none before the client named the user. None = result unseen."""
        if not self._named:
            return ()
        fields = self._fields
        if success is not None:
            fields["success"] = success
        if status and not success:
            fields["status"] = status
        self._fields, self._named = {}, False
        return (Log("ntlm", at, fields),)

    def _challenge(self, message: bytes) -> None:
        info, at = _field(message, 40), 0
        for _ in range(_PAIRS):
            if at + 4 > len(info):
                return
            kind, size = struct.unpack_from("<HH", info, at)
            if kind in _SERVER:
                self._fields[_SERVER[kind]] = utf16(info[at + 4 : at + 4 + size])
            at += 4 + size

    def _authenticate(self, message: bytes) -> None:
        flags = int.from_bytes(message[60:64], "little")
        said = utf16 if flags & _UNICODE else text
        answer = int.from_bytes(message[20:22], "little")
        for name, place in (("domainname", 28), ("username", 36), ("hostname", 44)):
            value = said(_field(message, place))
            if value:
                self._fields[name] = value
        if answer:
            # MS-NLMP 2.2.2.6, 2.2.2.8: the answer of version 1 has 24 bytes, that of version 2 more.
            self._fields["version"] = "NTLMv1" if answer == 24 else "NTLMv2"
        elif "username" not in self._fields:
            self._fields["anonymous"] = True
        if flags & _VERSION and len(message) >= 72:
            major, minor, build = struct.unpack_from("<BBH", message, 64)
            self._fields["client_version"] = f"{major}.{minor}.{build}"
        self._named = True


def _field(message: bytes, place: int) -> bytes:
    size, _, start = struct.unpack_from("<HHI", message, place)
    return message[start : start + size]
