"""Frames with which switches and telephones announce themselves, made with scapy."""

from __future__ import annotations

from typing import Any

from scapy.contrib import cdp, lldp
from scapy.layers.l2 import LLC, SNAP, Dot3, Ether

SWITCH, PHONE = "00:0c:42:00:00:01", "00:11:22:33:44:55"
#: Of scapy's classes some have no types.
_CDP: Any = cdp


def switch(name: str = "sw-parter", ttl: int = 120, address: bytes = b"\x0a\0\0\x02") -> bytes:
    return bytes(
        Ether(src=SWITCH, dst="01:80:c2:00:00:0e", type=0x88CC)
        / lldp.LLDPDUChassisID(subtype=4, id=SWITCH)
        / lldp.LLDPDUPortID(subtype=5, id=b"ether5")
        / lldp.LLDPDUTimeToLive(ttl=ttl)
        / lldp.LLDPDUSystemName(system_name=name.encode())
        / lldp.LLDPDUSystemDescription(description=b"RouterOS 7.16 CRS326")
        / lldp.LLDPDUPortDescription(description="do biura 12 \u0142".encode())
        / lldp.LLDPDUSystemCapabilities(mac_bridge_available=1, mac_bridge_enabled=1, router_available=1)
        / lldp.LLDPDUManagementAddress(
            management_address_subtype=1, management_address=address, interface_numbering_subtype=2, interface_number=5
        )
        / lldp.LLDPDUEndOfLLDPDU()
    )


def phone(name: str = "SEP001122334455", vlan: int = 20) -> bytes:
    parts = [
        _CDP.CDPMsgDeviceID(val=name.encode()),
        _CDP.CDPMsgPortID(iface=b"Port 1"),
        _CDP.CDPMsgPlatform(val=b"Cisco IP Phone 8841"),
        _CDP.CDPMsgSoftwareVersion(val=b"sip88xx.12-5"),
        _CDP.CDPMsgCapabilities(cap=0x90),
        _CDP.CDPMsgNativeVLAN(vlan=vlan),
    ]
    link = Dot3(src=PHONE, dst="01:00:0c:cc:cc:cc") / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
    return bytes(link / SNAP(OUI=0xC, code=0x2000) / _CDP.CDPv2_HDR(msg=parts))
