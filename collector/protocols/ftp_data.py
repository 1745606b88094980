"""FTP's data connections (RFC 959, 2428): which file travels, what it is by its first bytes; never what is in it.

The control connection announces each (PORT, PASV, EPRT, EPSV), and so tells whose a flow is before its first byte.
Without it only those from port 20 are known, and what is moved in them is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from collector.protocols.http.bodies import kind
from collector.protocols.model import Conversation, Expected, Flow, Log, Protocol, Side, Value

MOVES = frozenset({"RETR", "STOR", "STOU", "APPE"})
LISTS = frozenset({"LIST", "NLST", "MLSD"})
_SIX = re.compile(rb"(?<!\d)(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})(?!\d)")
_EXTENDED_REPLY = re.compile(rb"\(([!-~])\1\1(\d{1,5})\1\)")


@dataclass(slots=True)
class Transfer:
    """A data connection that the control connection announced, and what was then asked for. Both sides share it.

    `host` is the address that was named, empty where that of the control connection is meant.
    """

    passive: bool
    host: str
    port: int
    user: str = ""
    command: str = ""
    argument: str = ""

    def fields(self, flow: Flow) -> dict[str, Value]:
        """Return what the control connection's log says of it; takes the control connection's flow."""
        orig, resp = (flow.orig_h, flow.resp_h) if self.passive else (flow.resp_h, flow.orig_h)
        return {
            "data_channel.passive": self.passive,
            "data_channel.orig_h": orig,
            "data_channel.resp_h": self.host or resp,
            "data_channel.resp_p": self.port,
        }

    def expected(self, flow: Flow) -> Expected:
        """Return the flow that is to come, at the named address or, behind a gateway, at that of the other side."""
        other = flow.resp_h if self.passive else flow.orig_h
        hosts = tuple(dict.fromkeys((self.host or other, other)))
        return Expected(hosts, self.port, lambda uid: replace(PROTOCOL, open=lambda _: _Conversation(self, uid)))


def announced(verb: str, argument: bytes) -> Transfer | None:
    """Return what PORT or EPRT announces; None where it makes no sense."""
    if verb == "PORT":
        return _six(argument, passive=False)
    parts = argument[1:].split(argument[:1], 3) if argument else []
    if len(parts) != 4 or parts[0] not in {b"1", b"2"} or not _number(parts[2]):
        return None
    try:
        host = str(ip_address(parts[1][:45].decode("ascii")))
    except ValueError:
        return None
    return Transfer(False, host, int(parts[2]))


def answered(verb: str, line: bytes) -> Transfer | None:
    """Return what the answer to PASV (227) or EPSV (229) announces; None where it makes no sense."""
    if verb == "PASV":
        return _six(line[4:], passive=True)
    found = _EXTENDED_REPLY.search(line)
    return Transfer(True, "", int(found[2])) if found and _number(found[2]) else None


def _number(port: bytes) -> bool:
    return port.isdigit() and len(port) < 6 and 0 < int(port) < 1 << 16


def _six(text: bytes, *, passive: bool) -> Transfer | None:
    found = _SIX.search(text)
    numbers = [int(one) for one in found.groups()] if found else []
    if not numbers or max(numbers) > 255 or not numbers[4] << 8 | numbers[5]:
        return None
    return Transfer(passive, ".".join(map(str, numbers[:4])), numbers[4] << 8 | numbers[5])


class _Conversation:
    """One data connection: told with its first bytes."""

    def __init__(self, transfer: Transfer | None = None, uid: str = "") -> None:
        self._transfer, self._uid = transfer, uid
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Tell what travels, by its first bytes."""
        return self._told(at, side, kind(data[:16]))

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Tell it without its kind: the first bytes were not seen."""
        return self._told(at, side, None)

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()

    def _told(self, at: int, side: Side, mime: str | None) -> Iterable[Log]:
        if self.done:
            return ()
        self.done = True
        fields: dict[str, Value] = {"source": "FTP_DATA", "is_orig": side is Side.ORIG}
        transfer = self._transfer
        if transfer is not None:
            said = {"user": transfer.user, "command": transfer.command, "control_uid": self._uid}
            if transfer.command in MOVES:
                said["filename"] = transfer.argument
            fields |= {name: value for name, value in said.items() if value}
        return (Log("files", at, fields | ({"mime_type": mime} if mime else {})),)


def _alone(_flow: Flow) -> Conversation:
    return _Conversation()


PROTOCOL = Protocol(
    name="ftp-data",
    transports=frozenset({"tcp"}),
    ports=frozenset({20}),
    recognises=lambda _side, _data: False,
    open=_alone,
)
