"""MQTT 3.1, 3.1.1 and 5 (OASIS): which device signs in where, with a password in clear or none, and to which topics.

What is published is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from collector.protocols.frames import Frames, text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _UNSUBSCRIBE = 1, 2, 3, 8, 10
_VERSIONS = MappingProxyType({3: "3.1", 4: "3.1.1", 5: "5.0"})
_RESULTS = MappingProxyType(
    {
        0: "Connection Accepted",
        1: "Refused: unacceptable protocol version",
        2: "Refused: identifier rejected",
        3: "Refused: server unavailable",
        4: "Refused: bad user name or password",
        5: "Refused: not authorized",
        0x86: "Refused: bad user name or password",
        0x87: "Refused: not authorized",
    }
)
#: Topics of one flow that are told, each once.
_MOST = 64
_TOPICS = 16


def _length(data: bytes, at: int) -> int:
    """Return the length of a packet: seven bits a byte, at most four bytes, of which two are always there."""
    size, shift = 0, 0
    for place in range(at + 1, at + 5):
        if place >= len(data):
            # The length goes on in bytes that have not come; more than has come, for certain.
            return 1 << 28
        size |= (data[place] & 0x7F) << shift
        if not data[place] & 0x80:
            return place + 1 - at + size
        shift += 7
    raise Malformed("mqtt_length")


def _body(packet: bytes) -> int:
    return next(place + 1 for place in range(1, 5) if not packet[place] & 0x80)


class Conversation:
    """One connection."""

    done = False

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Frames(2, _length), Frames(2, _length))
        self._connect: dict[str, Value] = {}
        self._version = 4
        self._topics: set[str] = set()

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        return [log for packet in self._sides[side].feed(data) for log in self._read(side, at, packet)]

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next packet."""
        self._sides[side].lost()
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a sign-in that was not answered."""
        return [Log("mqtt_connect", at, self._connect)] if self._connect else []

    def _read(self, side: Side, at: int, packet: bytes) -> Iterator[Log]:
        kind, start = packet[0] >> 4, _body(packet)
        if kind == _CONNECT:
            self._sign_in(packet, start)
        elif kind == _CONNACK and self._connect:
            code = packet[start + 1]
            fields = {
                **self._connect,
                "connect_status": _RESULTS.get(code, f"unknown-0x{code:02x}"),
                "success": not code,
            }
            self._connect = {}
            yield Log("mqtt_connect", at, fields)
        elif kind == _PUBLISH:
            topic, _ = _string(packet, start)
            name = text(topic)
            if name not in self._topics and len(self._topics) < _MOST:
                self._topics.add(name)
                qos = packet[0] >> 1 & 3
                yield Log("mqtt_publish", at, {"from_client": side is Side.ORIG, "topic": name, "qos": qos})
        elif kind in {_SUBSCRIBE, _UNSUBSCRIBE}:
            action = "subscribe" if kind == _SUBSCRIBE else "unsubscribe"
            yield Log("mqtt_subscribe", at, {"action": action, "topics": self._wanted(packet, start, kind)})

    def _sign_in(self, packet: bytes, start: int) -> None:
        protocol, at = _string(packet, start)
        if protocol not in {b"MQTT", b"MQIsdp"}:
            raise Malformed("mqtt_protocol")
        self._version, flags = packet[at], packet[at + 1]
        at = self._past_properties(packet, at + 4)
        name, at = _string(packet, at)
        version = _VERSIONS.get(self._version, f"unknown-{self._version}")
        fields: dict[str, Value] = {"proto_name": protocol.decode("ascii"), "proto_version": version}
        fields["client_id"] = text(name)
        if flags & 0x04:
            topic, at = _string(packet, self._past_properties(packet, at))
            _, at = _string(packet, at)
            fields["will_topic"] = text(topic)
        if flags & 0x80:
            user, at = _string(packet, at)
            fields["user"] = text(user)
        if flags & 0x40:
            fields["cleartext_password"] = True
        self._connect = fields

    def _wanted(self, packet: bytes, start: int, kind: int) -> list[str]:
        at = self._past_properties(packet, start + 2)
        found: list[str] = []
        while at < len(packet) and len(found) < _TOPICS:
            topic, at = _string(packet, at)
            found.append(text(topic))
            at += kind == _SUBSCRIBE
        return found

    def _past_properties(self, packet: bytes, at: int) -> int:
        """Return where what follows the properties begins; only version 5 has them."""
        return at + _length(packet, at - 1) - 1 if self._version >= 5 else at


def _string(packet: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
    if end > len(packet):
        raise Malformed("mqtt_string_past_end")
    return packet[at + 2 : end], end


PROTOCOL = Protocol(
    name="mqtt",
    transports=frozenset({"tcp"}),
    ports=frozenset({1883}),
    recognises=lambda _side, data: data[:1] == b"\x10" and (b"\0\4MQTT" in data[2:12] or b"\0\6MQIsdp" in data[2:14]),
    open=Conversation,
    resumes=lambda data: data[:1] in {b"\x10", b"\x20", b"\x82", b"\xa2"},
)
