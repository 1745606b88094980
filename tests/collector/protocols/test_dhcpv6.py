"""DHCPv6: leases, prefixes, resolvers, relays."""

from __future__ import annotations

import pytest

from collector.protocols.dhcpv6 import PROTOCOL
from collector.protocols.model import Malformed, Side
from tests.collector.protocols.talk import damaged, flow_of, logs_of, run, talks


def test_a_lease_is_told_message_by_message() -> None:
    (talk,) = talks("dhcpv6")
    solicit, reply, relayed = logs_of(PROTOCOL, talk)
    assert solicit == {
        "_path": "dhcpv6",
        "msg_types": ["SOLICIT"],
        "trans_id": 0x123456,
        "client_duid": "0001000100000" + "3e83c2af4112233",
        "mac": "3c:2a:f4:11:22:33",
        "client_fqdn": "st12.gmina.local",
    }
    assert reply == {
        "_path": "dhcpv6",
        "msg_types": ["REPLY"],
        "trans_id": 0x123456,
        "client_duid": solicit["client_duid"],
        "mac": "3c:2a:f4:11:22:33",
        "server_duid": "00030001020000000005",
        "server_mac": "02:00:00:00:00:05",
        "server_addr": "192.168.10.5",
        "assigned_addr": "2001:db8:1::31",
        "assigned_prefix": "2001:db8:2::/56",
        "lease_time": 7200.0,
        "dns_servers": ["2001:db8::53"],
        "domain": "gmina.local",
    }
    assert relayed == solicit | {"relayed": True}


def test_relays_within_relays_have_an_end() -> None:
    message = b"\x01\x00\x00\x01"
    for _ in range(5):
        message = b"\x0c\x00" + bytes(32) + b"\x00\x09" + len(message).to_bytes(2, "big") + message
    with pytest.raises(Malformed, match="too_deep"):
        run(PROTOCOL, flow_of("udp", 546, 547), [(Side.ORIG, message)])


def test_options_within_options_have_an_end() -> None:
    option = b""
    for _ in range(3000):
        option = b"\x00\x03" + (12 + len(option)).to_bytes(2, "big") + bytes(12) + option
    (log,) = run(PROTOCOL, flow_of("udp", 546, 547), [(Side.ORIG, b"\x01\x00\x00\x01" + option)])
    assert log.fields == {"msg_types": ["SOLICIT"], "trans_id": 1}


def test_damage_harms_nobody() -> None:
    for talk in talks("dhcpv6"):
        damaged(PROTOCOL, talk)
