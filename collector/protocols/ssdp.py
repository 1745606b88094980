"""SSDP (UPnP Device Architecture 2.0, 1): what devices say that they are and where, and who searches for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_FIRST = MappingProxyType(
    {b"NOTIFY * HTTP/1.1": "NOTIFY", b"M-SEARCH * HTTP/1.1": "M-SEARCH", b"HTTP/1.1 200 OK": "RESPONSE"}
)
_NAMES = MappingProxyType(
    {
        b"nt": "target", b"st": "target", b"nts": "nts", b"usn": "usn", b"server": "server",
        b"user-agent": "user_agent", b"location": "location",
    }
)  # fmt: skip
#: Host and port of an address; a user and a password before them are passed over.
_PLACE = re.compile(r"https?://(?:[^/@]*@)?((?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?)(?:/|$)", re.ASCII)
#: Lines of a message that are read, and what is told once of a flow: a device has a handful of parts.
_LINES, _TOLD = 32, 64


class Conversation:
    """One flow: each thing that is announced or searched for is told once."""

    done = False

    def __init__(self, _flow: Flow) -> None:
        self._told: set[tuple[str, str, str]] = set()

    def feed(self, _side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram."""
        first, *lines = data.split(b"\r\n", _LINES + 1)
        method = _FIRST.get(first.strip())
        if method is None:
            raise Malformed("ssdp_first_line")
        fields: dict[str, Value] = {"method": method}
        for line in lines[:_LINES]:
            name, colon, value = line.partition(b":")
            field = _NAMES.get(name.strip().lower()) if colon else None
            said = text(value.strip()) if field else ""
            if field == "location":
                found = _PLACE.match(said)
                said = found[1] if found else ""
            if field and said:
                fields[field] = said
        told = (method, str(fields.get("target", "")), str(fields.get("nts", "")))
        if told in self._told or len(self._told) >= _TOLD:
            return ()
        self._told.add(told)
        return (Log("ssdp", at, fields),)

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """A lost datagram changes nothing."""
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()


def _recognises(_side: Side, data: bytes) -> bool:
    return data.startswith((b"NOTIFY * HTTP/1.1\r\n", b"M-SEARCH * HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n"))


PROTOCOL = Protocol(
    name="ssdp",
    transports=frozenset({"udp"}),
    ports=frozenset({1900}),
    recognises=_recognises,
    open=Conversation,
)
