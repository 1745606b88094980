"""DHCPv6 (RFC 8415, 3646, 4704): the same questions for IPv6, where nobody asked for a second server either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address

from collector.protocols.datagrams import each
from collector.protocols.frames import mac, text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_MESSAGES = {
    1: "SOLICIT",
    2: "ADVERTISE",
    3: "REQUEST",
    4: "CONFIRM",
    5: "RENEW",
    6: "REBIND",
    7: "REPLY",
    8: "RELEASE",
    9: "DECLINE",
    10: "RECONFIGURE",
    11: "INFORMATION_REQUEST",
    12: "RELAY_FORW",
    13: "RELAY_REPL",
}
_FROM_SERVER = {2, 7, 10}
_RELAYS = {12, 13}
_MOST, _DEPTH = 64, 4
#: Options that hold others → where those begin: IA_NA, IA_PD, the address and prefix inside.
_NESTED = {3: 12, 25: 12}


def _options(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MOST):
        if at >= len(data):
            return
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 4 + size > len(data):
            raise Malformed("dhcpv6_option_past_end")
        yield int.from_bytes(data[at : at + 2], "big"), data[at + 4 : at + 4 + size]
        at += 4 + size


def _name(raw: bytes) -> str:
    labels, at = [], 0
    while at < len(raw) and 0 < raw[at] < 64:
        labels.append(text(raw[at + 1 : at + 1 + raw[at]]))
        at += 1 + raw[at]
    return ".".join(labels)


def _told(option: int, raw: bytes, fields: dict[str, Value]) -> None:  # noqa: C901 - one case an option, as in RFC 8415
    if option in {1, 2}:
        role = "client" if option == 1 else "server"
        fields[f"{role}_duid"] = raw[:64].hex()
        # A DUID made of the hardware address (RFC 8415 § 11.2, 11.4) names the device.
        start = {1: 8, 3: 4}.get(int.from_bytes(raw[:2], "big"))
        if start and len(raw) == start + 6:
            fields["mac" if option == 1 else "server_mac"] = mac(raw[start:])
    elif option in _NESTED:
        for inner, value in _options(raw, _NESTED[option]):
            if inner not in _NESTED:
                _told(inner, value, fields)
    elif option == 5 and len(raw) >= 24:
        fields["assigned_addr"] = str(IPv6Address(raw[:16]))
        fields["lease_time"] = float(int.from_bytes(raw[20:24], "big"))
    elif option == 26 and len(raw) >= 25:
        fields["assigned_prefix"] = f"{IPv6Address(raw[9:25])}/{raw[8]}"
    elif option == 23:
        fields["dns_servers"] = [str(IPv6Address(raw[at : at + 16])) for at in range(0, min(len(raw), 256) - 15, 16)]
    elif option == 24:
        fields["domain"] = _name(raw)
    elif option == 39:
        fields["client_fqdn"] = _name(raw[1:])


def _read(flow: Flow, side: Side, at: int, data: bytes) -> Sequence[Log]:
    fields: dict[str, Value] = {}
    for _ in range(_DEPTH):
        if len(data) < 4 or data[0] not in _MESSAGES:
            raise Malformed("dhcpv6_header")
        if data[0] not in _RELAYS:
            break
        fields["relayed"] = True
        data = next((raw for option, raw in _options(data, 34) if option == 9), b"")
    else:
        raise Malformed("dhcpv6_relays_too_deep")
    fields.update(msg_types=[_MESSAGES[data[0]]], trans_id=int.from_bytes(data[1:4], "big"))
    for option, raw in _options(data, 4):
        _told(option, raw, fields)
    if data[0] in _FROM_SERVER:
        fields["server_addr"] = flow.orig_h if side is Side.ORIG else flow.resp_h
    return (Log("dhcpv6", at, fields),)


PROTOCOL = Protocol(
    name="dhcpv6",
    transports=frozenset({"udp"}),
    ports=frozenset({546, 547}),
    recognises=lambda _side, _data: False,
    open=each(_read),
)
