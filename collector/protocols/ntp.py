"""NTP (RFC 5905, RFC 9327): who gives the time to whom, and how; questions about the server itself are named."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address
from types import MappingProxyType

from collector.protocols.datagrams import each
from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_HEADER = struct.Struct("!BBbbII4sQQQQ")
_CONTROL, _PRIVATE = 6, 7
_MODES = MappingProxyType(
    {
        1: "symmetric active",
        2: "symmetric passive",
        3: "client",
        4: "server",
        5: "broadcast",
        6: "control",
        7: "private",
    }
)
#: Seconds between the epochs of NTP (1900) and of Unix.
_EPOCH = 2_208_988_800


def _seconds(stamp: int) -> float:
    return round(stamp / 2**32 - _EPOCH, 6)


def _read(_flow: Flow, _side: Side, at: int, data: bytes) -> Sequence[Log]:
    version, mode = data[0] >> 3 & 7, data[0] & 7
    if not 1 <= version <= 4 or not mode:
        raise Malformed("ntp_header")
    fields: dict[str, Value] = {"version": version, "mode": mode, "mode_name": _MODES[mode]}
    if mode in {_CONTROL, _PRIVATE}:
        # The lists that these give are large and are asked for under false addresses.
        code = data[1] & 0x1F if mode == _CONTROL else data[3]
        fields.update(code=code, response=bool(data[1 if mode == _CONTROL else 0] & 0x80))
        return (Log("ntp", at, fields),)
    _, stratum, poll, precision, delay, dispersion, reference, _, origin, received, sent = _HEADER.unpack_from(data)
    fields.update(stratum=stratum, poll=float(2.0**poll), precision=float(2.0**precision))
    fields.update(root_delay=round(delay / 65536, 6), root_disp=round(dispersion / 65536, 6))
    if stratum <= 1:
        fields["ref_id"] = text(reference.rstrip(b"\0"))
    else:
        fields["ref_id"] = str(IPv4Address(reference))
    for name, stamp in (("org_time", origin), ("rec_time", received), ("xmt_time", sent)):
        if stamp:
            fields[name] = _seconds(stamp)
    if mode == 3:
        # A client fills in nothing of this about itself.
        fields = {"version": version, "mode": mode, "mode_name": _MODES[mode]}
    return (Log("ntp", at, fields),)


PROTOCOL = Protocol(
    name="ntp",
    transports=frozenset({"udp"}),
    ports=frozenset({123}),
    recognises=lambda _side, _data: False,
    open=each(_read),
)
