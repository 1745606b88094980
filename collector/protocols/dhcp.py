"""DHCP for IPv4 (RFC 2131, 2132, 4702): who asks for an address, who hands them out, and what else it says.

One log a message: question and answer travel in different flows, and who answers is what matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from collector.protocols.datagrams import each
from collector.protocols.frames import mac, text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_COOKIE = b"\x63\x82\x53\x63"
_OPTIONS = 240
_MOST = 128
#: Zeek's names of the messages.
_MESSAGES = {
    1: "DISCOVER",
    2: "OFFER",
    3: "REQUEST",
    4: "DECLINE",
    5: "ACK",
    6: "NAK",
    7: "RELEASE",
    8: "INFORM",
    9: "FORCERENEW",
    10: "LEASEQUERY",
    11: "LEASEUNASSIGNED",
    12: "LEASEUNKNOWN",
    13: "LEASEACTIVE",
}


def _addresses(raw: bytes) -> list[str]:
    return [str(IPv4Address(raw[at : at + 4])) for at in range(0, min(len(raw), 64) - 3, 4)]


def _fqdn(raw: bytes) -> str:
    """Return the client's full name (option 81): text, or labels of DNS where its flag says so."""
    if len(raw) < 4 or not raw[0] & 0x04:
        return text(raw[3:])
    labels, at = [], 3
    while at < len(raw) and 0 < raw[at] < 64:
        labels.append(text(raw[at + 1 : at + 1 + raw[at]]))
        at += 1 + raw[at]
    return ".".join(labels)


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = _OPTIONS
    for _ in range(_MOST):
        if at >= len(data) or data[at] == 255:
            return
        if data[at] == 0:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise Malformed("dhcp_option_past_end")
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]


def _told(option: int, raw: bytes, fields: dict[str, Value]) -> None:  # noqa: C901, PLR0912 - one case an option, as in RFC 2132
    match option:
        case 3:
            fields["routers"] = _addresses(raw)
        case 6:
            fields["dns_servers"] = _addresses(raw)
        case 12:
            fields["host_name"] = text(raw)
        case 15:
            fields["domain"] = text(raw.rstrip(b"\0"))
        case 50 if len(raw) == 4:
            fields["requested_addr"] = str(IPv4Address(raw))
        case 51 if len(raw) == 4:
            fields["lease_time"] = float(int.from_bytes(raw, "big"))
        case 53 if len(raw) == 1:
            fields["msg_types"] = [_MESSAGES.get(raw[0], f"unknown-{raw[0]}")]
        case 54 if len(raw) == 4:
            fields["server_addr"] = str(IPv4Address(raw))
        case 55:
            # Which options a client asks for, and in which order, tells systems and devices apart.
            fields["param_list"] = ",".join(map(str, raw))
        case 60:
            fields["client_software"] = text(raw)
        case 66 | 67 | 252:
            fields[{66: "boot_server", 67: "boot_file", 252: "proxy_script"}[option]] = text(raw.rstrip(b"\0"))
        case 81:
            fields["client_fqdn"] = _fqdn(raw)
        case 82:
            fields["relayed"] = True


def _read(_flow: Flow, _side: Side, at: int, data: bytes) -> Sequence[Log]:
    if len(data) < _OPTIONS:
        raise Malformed("dhcp_truncated")
    if data[236:240] != _COOKIE:
        # BOOTP without options (RFC 951) is another protocol.
        return ()
    if data[0] not in {1, 2} or data[2] > 16:
        raise Malformed("dhcp_header")
    fields: dict[str, Value] = {"trans_id": int.from_bytes(data[4:8], "big")}
    if data[2] == 6:
        fields["mac"] = mac(data[28:34])
    for name, place in (("client_addr", 12), ("assigned_addr", 16), ("relay_addr", 24)):
        if any(data[place : place + 4]):
            fields[name] = str(IPv4Address(data[place : place + 4]))
    for option, raw in _options(data):
        _told(option, raw, fields)
    return (Log("dhcp", at, fields),) if "msg_types" in fields else ()


PROTOCOL = Protocol(
    name="dhcp",
    transports=frozenset({"udp"}),
    ports=frozenset({67, 68, 4011}),
    recognises=lambda _side, data: data[236:240] == _COOKIE,
    open=each(_read),
)
