"""The process that reads rare protocols with scapy: frames on standard input, a JSON line for each on standard output.

It is the only part of the sensor that loads scapy, whose licence (GPL-2.0-only) holds for this process alone. It gives
up the network, its capabilities and, where it has them, root's rights before it reads anything.

A frame is its length (2 bytes, big-endian) and its kind (1 byte) before its bytes. A line is `{"fields": {…}}`, or
`{"fault": NAME}` for what scapy makes nothing of.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

from scapy.contrib import cdp, lldp
from scapy.packet import Packet

from collector.rare.form import CDP, HEAD, LIST, LLDP, TEXT

NOBODY = 65534
MEMORY = 512 << 20
"""Bytes of address space."""
_PARTS = 64
"""Parts of an announcement that are read."""
_LLDP_TEXTS: dict[type, tuple[str, str]] = {
    lldp.LLDPDUChassisID: ("chassis_id", "id"),
    lldp.LLDPDUPortID: ("port_id", "id"),
    lldp.LLDPDUSystemName: ("system_name", "system_name"),
    lldp.LLDPDUSystemDescription: ("system_description", "description"),
    lldp.LLDPDUPortDescription: ("port_description", "description"),
}
_CDP_TEXTS: dict[type, tuple[str, str]] = {
    cdp.CDPMsgDeviceID: ("chassis_id", "val"),
    cdp.CDPMsgPortID: ("port_id", "iface"),
    cdp.CDPMsgPlatform: ("platform", "val"),
    cdp.CDPMsgSoftwareVersion: ("system_description", "val"),
}
_NEW_NET, _NO_NEW_PRIVILEGES, _CAPABILITIES = 0x40000000, 38, 0x20080522
_LLDP_BITS = {"repeater": "repeater", "mac_bridge": "switch", "wlan_access_point": "access point", "router": "router",
              "telephone": "telephone", "docsis_cable_device": "cable modem", "station_only": "station"}  # fmt: skip
_CDP_BITS = {0x01: "router", 0x02: "bridge", 0x04: "bridge", 0x08: "switch", 0x10: "host", 0x40: "repeater",
             0x80: "telephone"}  # fmt: skip


def main() -> int:
    """Read frames until nobody sends any."""
    confine()
    while len(head := sys.stdin.buffer.read(HEAD.size)) == HEAD.size:
        size, kind = HEAD.unpack(head)
        answer = told(kind, sys.stdin.buffer.read(size))
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
    return 0


def confine() -> None:
    """Give up what reading needs not; what the system does not allow is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this decides
    libc = ctypes.CDLL(None)
    libc.unshare(_NEW_NET)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.capset(struct.pack("<Ii", _CAPABILITIES, 0), bytes(24))
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 16)):
        resource.setrlimit(what, (most, most))


def told(kind: int, data: bytes) -> dict[str, Any]:
    """Return what a frame's content says."""
    try:
        return {"fields": _READERS[kind](data)}
    except Exception as error:  # noqa: BLE001 - scapy may raise anything on a stranger's bytes; the answer says so
        return {"fault": type(error).__name__}


def _lldp(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for layer in _layers(lldp.LLDPDU(data)):
        if type(layer) in _LLDP_TEXTS:
            name, field = _LLDP_TEXTS[type(layer)]
            found[name] = _text(getattr(layer, field))
        elif isinstance(layer, lldp.LLDPDUTimeToLive):
            found["ttl"] = int(layer.ttl)
        elif isinstance(layer, lldp.LLDPDUManagementAddress):
            found.setdefault("addresses", []).append(_address(bytes(layer.management_address)))
        elif isinstance(layer, lldp.LLDPDUSystemCapabilities):
            found["capabilities"] = [name for bit, name in _LLDP_BITS.items() if getattr(layer, f"{bit}_enabled")]
    return _kept(found)


def _cdp(data: bytes) -> dict[str, Any]:
    header = cdp.CDPv2_HDR(data)
    found: dict[str, Any] = {"ttl": int(header.ttl)}
    for part in header.msg[:_PARTS]:
        if type(part) in _CDP_TEXTS:
            name, field = _CDP_TEXTS[type(part)]
            found[name] = _text(getattr(part, field))
        elif isinstance(part, cdp.CDPMsgNativeVLAN):
            found["native_vlan"] = int(part.vlan)
        elif isinstance(part, cdp.CDPMsgCapabilities):
            found["capabilities"] = sorted({name for bit, name in _CDP_BITS.items() if int(part.cap) & bit})
    return _kept(found)


def _kept(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be told; raises ValueError where nobody says who speaks."""
    if "chassis_id" not in found:
        raise ValueError("nobody speaks")
    return {name: value[:LIST] if isinstance(value, list) else value for name, value in found.items() if value}


_READERS: dict[int, Callable[[bytes], dict[str, Any]]] = {LLDP: _lldp, CDP: _cdp}


def _layers(packet: Packet) -> list[Packet]:
    found: list[Packet] = []
    while isinstance(packet, Packet) and len(found) < _PARTS:
        found.append(packet)
        packet = packet.payload
    return found


def _text(value: object) -> str:
    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(sign for sign in said[:TEXT] if sign.isprintable())


def _address(raw: bytes) -> str:
    return ".".join(map(str, raw)) if len(raw) == 4 else raw[:32].hex(":")


if __name__ == "__main__":
    sys.exit(main())
