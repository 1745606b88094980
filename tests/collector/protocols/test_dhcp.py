"""DHCP: the rogue server's answer, and everything a device says of itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP

from collector.protocols.dhcp import PROTOCOL
from collector.protocols.model import Side
from tests.collector.protocols.talk import damaged, flow_of, logs_of, run, talks


def test_a_lease_is_told_message_by_message() -> None:
    (talk,) = talks("dhcp")
    discover, offer, request, ack = logs_of(PROTOCOL, talk)
    common = {"_path": "dhcp", "mac": "3c:2a:f4:11:22:33", "trans_id": 0x1234ABCD}
    assert discover == common | {
        "msg_types": ["DISCOVER"],
        "host_name": "ST12",
        "client_software": "MSFT 5.0",
        "param_list": "1,3,6,15,31",
    }
    assert offer == common | {
        "msg_types": ["OFFER"],
        "server_addr": "192.168.10.5",
        "assigned_addr": "192.168.10.31",
        "lease_time": 28800.0,
        "routers": ["192.168.10.1"],
        "dns_servers": ["192.168.10.5", "192.168.10.6"],
        "domain": "gmina.local",
    }
    assert (request["requested_addr"], request["client_fqdn"]) == ("192.168.10.31", "ST12.gmina.local")
    assert ack["proxy_script"] == "http://wpad.gmina.local/wpad.dat"


@settings(max_examples=50)
@given(
    name=st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=40),
    kind=st.sampled_from(["discover", "offer", "request", "ack", "nak", "release", "inform"]),
    mac=st.binary(min_size=6, max_size=6),
    given=st.ip_addresses(v=4).map(str),
)
def test_what_was_made_is_told(name: str, kind: str, mac: bytes, given: str) -> None:
    options = [("message-type", kind), ("hostname", name.encode()), "end"]
    data = bytes(BOOTP(chaddr=mac + bytes(10), yiaddr=given) / DHCP(options=options))
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, flow_of("udp", 68, 67), [(Side.ORIG, data)])
    assert log.fields["msg_types"] == [kind.upper()]
    assert log.fields["host_name"] == name
    assert log.fields["mac"] == mac.hex(":")
    assert log.fields.get("assigned_addr", "0.0.0.0") == given


def test_what_has_no_options_is_not_dhcp() -> None:
    data = bytes(BOOTP())[:236] + bytes(64)
    assert not PROTOCOL.recognises(Side.ORIG, data)
    assert run(PROTOCOL, flow_of("udp", 68, 67), [(Side.ORIG, data)]) == []


def test_damage_harms_nobody() -> None:
    for talk in talks("dhcp"):
        damaged(PROTOCOL, talk)
