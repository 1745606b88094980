"""SNMP (RFC 1157, 3416, 3412, 3414): which version asks whom for what, and whether a community name goes in clear.

A community name is a password: it is told only where it is one of those that everybody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from collector.protocols import ber
from collector.protocols.datagrams import each
from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

#: Community names that devices come with.
KNOWN = frozenset(
    {"public", "private", "community", "admin", "cisco", "manager", "monitor", "snmp", "snmpd", "default", "write"}
)
_VERSIONS = MappingProxyType({0: "1", 1: "2c", 3: "3"})
#: Kind of a PDU → Zeek's counter of the log.
_KINDS = MappingProxyType(
    {
        0xA0: ("get", "get_requests"),
        0xA1: ("get-next", "get_requests"),
        0xA2: ("response", "get_responses"),
        0xA3: ("set", "set_requests"),
        0xA4: ("trap", "traps"),
        0xA5: ("get-bulk", "get_bulk_requests"),
        0xA6: ("inform", "traps"),
        0xA7: ("trap", "traps"),
        0xA8: ("report", "get_responses"),
    }
)


def _oid(raw: bytes) -> str:
    """Return an object's number as text (X.690 8.19)."""
    if not raw or len(raw) > 64:
        return ""
    numbers, value = [], 0
    for byte in raw[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, (raw[0] // 40, raw[0] % 40, *numbers)))


def _read(_flow: Flow, _side: Side, at: int, data: bytes) -> Sequence[Log]:
    start, end = ber.inner(data, (0, len(data)), ber.SEQUENCE)
    parts = list(ber.items(data, start, end))
    if len(parts) < 3 or parts[0][0] != ber.INTEGER:
        raise Malformed("snmp_message")
    version = ber.integer(data, parts[0][1], parts[0][2])
    if version not in _VERSIONS:
        raise Malformed("snmp_version")
    fields: dict[str, Value] = {"version": _VERSIONS[version]}
    if version == 3:
        _third(data, parts, fields)
    else:
        community = text(data[parts[1][1] : parts[1][2]], 64)
        fields["cleartext_community"] = True
        if community.lower() in KNOWN:
            fields["community"] = community
        _pdu(data, parts[2], fields)
    return (Log("snmp", at, fields),)


def _third(data: bytes, parts: list[ber.Item], fields: dict[str, Value]) -> None:
    """Read the head of version 3: how much it is protected, and the user's name (RFC 3412 6, RFC 3414 2.4)."""
    header = list(ber.items(data, parts[1][1], parts[1][2]))
    flags = data[header[2][1]] if len(header) > 2 and header[2][2] > header[2][1] else 0
    fields["security"] = "authPriv" if flags & 2 else "authNoPriv" if flags & 1 else "noAuthNoPriv"
    security = parts[2]
    if security[0] == ber.OCTETS and security[2] > security[1]:
        inside = list(ber.items(data, *ber.inner(data, (security[1], security[2]), ber.SEQUENCE)))
        if len(inside) > 3 and inside[3][2] > inside[3][1]:
            fields["user"] = text(data[inside[3][1] : inside[3][2]], 64)
    if len(parts) > 3 and parts[3][0] == ber.SEQUENCE:
        scoped = list(ber.items(data, parts[3][1], parts[3][2]))
        if len(scoped) > 2:
            _pdu(data, scoped[2], fields)


def _pdu(data: bytes, item: ber.Item, fields: dict[str, Value]) -> None:
    tag, start, end = item
    if tag not in _KINDS:
        raise Malformed("snmp_pdu")
    fields["pdu"], counter = _KINDS[tag]
    fields[counter] = 1
    if tag == 0xA4:
        return
    values = list(ber.items(data, start, end))
    if len(values) < 4:
        raise Malformed("snmp_pdu_truncated")
    bindings = list(ber.items(data, values[3][1], values[3][2]))
    fields["variables"] = len(bindings)
    if bindings and tag != 0xA2:
        _, first, last = ber.head(data, bindings[0][1], bindings[0][2])
        fields["oid"] = _oid(data[first:last])


def _recognises(_side: Side, data: bytes) -> bool:
    """Tell a message by its sequence and version."""
    at = 2 if data[1:2] < b"\x80" else 2 + (data[1] & 0x7F)
    return (
        data[:1] == b"\x30"
        and data[at : at + 3] in {b"\2\1\0", b"\2\1\1", b"\2\1\3"}
        and data[at + 3 : at + 4]
        in {
            b"\4",
            b"\x30",
        }
    )


PROTOCOL = Protocol(
    name="snmp",
    transports=frozenset({"udp"}),
    ports=frozenset({161, 162}),
    recognises=_recognises,
    open=each(_read),
)
