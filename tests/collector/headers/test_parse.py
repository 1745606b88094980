"""The headers of a batch: each row says what scapy put into it, whatever stands around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, GRE, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Dot3, Ether, Loopback
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from collector.capture.batch import NO_VLAN, Link
from collector.headers.link import ARP as ARP_TYPE
from collector.headers.link import NO_MAC
from collector.headers.parse import Headers, parse
from tests.collector.packets import batch

FOUR = IP(src="10.1.2.3", dst="192.0.2.9")
SIX = IPv6(src="2001:db8::1", dst="fe80::9")
INNER = TCP(sport=50000, dport=443, flags="PA", seq=7) / Raw(b"payload")
MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
GENEVE_OPTIONS = bytes.fromhex("020086dd000003000001800112345678")
OUTER = MAC / IP(src="198.51.100.1", dst="198.51.100.2")


def _deep(count: int) -> Packet:
    packet = MAC / SIX
    for _ in range(count):
        packet /= IPv6ExtHdrDestOpt()
    return packet


AROUND: dict[str, Packet] = {
    "plain": MAC / FOUR,
    "six": MAC / SIX,
    "vlan": MAC / Dot1Q(vlan=5) / FOUR,
    "vlan twice": MAC / Dot1AD(vlan=100) / Dot1Q(vlan=7) / SIX,
    "options": MAC / IP(src="10.1.2.3", dst="192.0.2.9", options=[IPOption_NOP()] * 8),
    "mpls": MAC / MPLS(label=3, s=0) / MPLS(label=4, s=1) / FOUR,
    "pseudowire": MAC / MPLS(label=4, s=1) / Raw(bytes(4)) / MAC / FOUR,
    "pppoe": MAC / PPPoE(sessionid=1) / PPP() / FOUR,
    "pppoe six": MAC / PPPoE(sessionid=1) / PPP() / SIX,
    "extensions": MAC / SIX / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt(),
    "authenticated": MAC / FOUR / AH(nh=6, payloadlen=4, icv=bytes(12)),
    "one fragment": MAC / SIX / IPv6ExtHdrFragment(m=0, offset=0),
    "ip in ip": OUTER / FOUR,
    "six in ip": OUTER / SIX,
    "gre": OUTER / GRE() / FOUR,
    "gre with key": OUTER / GRE(key_present=1, seqnum_present=1, chksum_present=1) / SIX,
    "gre bridged": OUTER / GRE(proto=0x6558) / MAC / Dot1Q(vlan=9) / FOUR,
    "erspan": OUTER / GRE(proto=0x88BE, seqnum_present=1) / Raw(bytes(8)) / MAC / FOUR,
    "gtp": OUTER / UDP(sport=2152, dport=2152) / Raw(bytes.fromhex("30ff005000000001")) / FOUR,
    "gtp extended": OUTER / UDP(sport=2152, dport=2152) / Raw(bytes.fromhex("34ff00500000000100000085 01100900")) / SIX,
    "eight tags": MAC / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q(vlan=8) / FOUR,
    "snap": Dot3(src=MAC.src, dst=MAC.dst) / LLC() / SNAP(code=0x0800) / FOUR,
    "snap in a vlan": MAC / Dot1Q(vlan=5, type=100) / LLC() / SNAP(code=0x86DD) / SIX,
    "twenty extensions": _deep(20),
    "geneve": OUTER / UDP(sport=50001, dport=6081) / GENEVE(proto=0x6558, vni=3) / MAC / FOUR,
    "geneve with options": OUTER / UDP(sport=50001, dport=6081) / Raw(GENEVE_OPTIONS) / SIX,
    "vxlan of linux": OUTER / UDP(sport=50001, dport=8472) / VXLAN(vni=3, flags=8) / MAC / FOUR,
    "vxlan": OUTER / UDP(sport=50001, dport=4789) / VXLAN(vni=3, flags=8) / MAC / SIX,
}

WHOLE = {name: bytes(around / INNER) for name, around in AROUND.items()}
NEIGHBOURS = bytes(MAC / FOUR / INNER), bytes(MAC / SIX / INNER)


def _row(headers: Headers, row: int = 0) -> dict[str, Any]:
    transport = headers.transport
    start = int(transport.payload[row])
    return {
        "ports": (int(transport.source[row]), int(transport.target[row])),
        "payload": headers.batch.data[start : start + int(transport.captured[row])].tobytes(),
        "length": int(transport.length[row]),
    }


@pytest.mark.parametrize("name", AROUND)
def test_a_packet_is_found_behind_whatever_stands_before_it(name: str) -> None:
    headers = parse(batch([WHOLE[name]]))
    assert headers.flowing.tolist() == [True]
    assert _row(headers) == {"ports": (50000, 443), "payload": b"payload", "length": 7}
    assert (int(headers.transport.flags[0]), int(headers.transport.seq[0])) == (0x18, 7)
    inside = {
        "ip in ip",
        "six in ip",
        "gre",
        "gre with key",
        "gre bridged",
        "erspan",
        "geneve",
        "geneve with options",
        "vxlan",
        "vxlan of linux",
        "gtp",
        "gtp extended",
    }
    assert headers.inside.tolist() == [name in inside]


def test_all_of_them_in_one_batch_are_the_same_as_each_alone() -> None:
    packets = list(WHOLE.values())
    together = parse(batch(packets))
    for row, packet in enumerate(packets):
        assert _row(together, row) == _row(parse(batch([packet])))


FILLED = Dot11(type=2, subtype=8) / Dot11QoS() / Raw(bytes(2)) / LLC() / SNAP()
LINKS = {
    Link.ETHERNET: MAC,
    Link.SLL: CookedLinux(proto=0x0800),
    Link.SLL2: CookedLinuxV2(proto=0x0800),
    Link.RAW: None,
    Link.RAW_BSD: None,
    Link.IPV4: None,
    Link.NULL: Loopback(type=2),
    Link.PPP: PPP(proto=0x0021),
    Link.PPPOE: PPPoE(sessionid=1) / PPP(),
    Link.WIRELESS: Dot11(type=2, subtype=0, FCfield=2) / LLC() / SNAP(),
    Link.RADIOTAP: RadioTap() / Dot11(type=2, subtype=8, FCfield=1) / Dot11QoS() / LLC() / SNAP(),
    Link.ENC: Raw(bytes.fromhex("020000000000abcd00000003")),
    Link.NFLOG: Raw(bytes.fromhex("02000000 08000100 08000103 05000a00 61000000 33000900")),
}


@pytest.mark.parametrize("link", LINKS)
def test_every_link_type_is_read(link: Link) -> None:
    before = LINKS[link]
    packet = FOUR / INNER if before is None else before / FOUR / INNER
    headers = parse(batch([packet], link=link))
    assert _row(headers) == {"ports": (50000, 443), "payload": b"payload", "length": 7}
    assert (headers.links.mac[0] == NO_MAC) == (link != Link.ETHERNET)


@pytest.mark.parametrize(
    ("link", "before"),
    [
        (Link.PPP, Raw(b"\xff\3\0\x21")),
        (Link.WIRELESS, Dot11(type=2, subtype=8, FCfield=3) / Dot11QoS() / LLC() / SNAP()),
        (Link.WIRELESS, Dot11(type=2, subtype=8, FCfield=0x81) / Dot11QoS() / Raw(bytes(4)) / LLC() / SNAP()),
        (Link.RADIOTAP, RadioTap(present="TSFT+Flags+Channel", mac_timestamp=7) / Dot11(type=2) / LLC() / SNAP()),
        (Link.RADIOTAP, Raw(bytes.fromhex("00000900 02000000 20")) / FILLED),
        (Link.RADIOTAP, Raw(bytes.fromhex("00001900 030000a0 000000a0 00000000 0000000000000007 20")) / FILLED),
        (Link.NFLOG, Raw(bytes.fromhex("02000000 00080001 08000300 00050009"))),
        (Link.NFLOG, Raw(bytes.fromhex("02000000 ffff0900"))),
    ],
)  # fmt: skip
def test_headers_of_different_lengths_are_passed(link: Link, before: Packet) -> None:
    assert _row(parse(batch([before / FOUR / INNER], link=link)))["payload"] == b"payload"


@pytest.mark.parametrize(
    "before",
    [
        Dot11(type=2, FCfield=0x42) / LLC() / SNAP(),
        Dot11(type=2, subtype=4, FCfield=2) / LLC() / SNAP(),
        Dot11(type=0, subtype=8) / LLC() / SNAP(),
        Dot11(type=2, subtype=8) / Dot11QoS(A_MSDU_Present=1) / LLC() / SNAP(),
        Dot11(type=2) / LLC() / SNAP(OUI=0x00000C),
    ],
)
def test_frames_of_a_wireless_network_without_a_packet_that_can_be_read_are_none(before: Packet) -> None:
    assert parse(batch([before / FOUR / INNER], link=Link.WIRELESS)).flowing.tolist() == [False]


def test_a_link_that_nobody_knows_is_no_packet() -> None:
    assert parse(batch([FOUR / INNER], link=147)).flowing.tolist() == [False]


def test_vlans_are_those_of_the_frame_within_that_of_the_card() -> None:
    packets = [MAC / FOUR / INNER, MAC / Dot1Q(vlan=5) / FOUR / INNER]
    bare, carded = parse(batch(packets)), parse(batch(packets, vlan=77))
    assert (bare.links.vlan.tolist(), bare.links.inner.tolist()) == ([NO_VLAN, 5], [NO_VLAN, NO_VLAN])
    assert (carded.links.vlan.tolist(), carded.links.inner.tolist()) == ([77, 77], [NO_VLAN, 5])


def test_both_directions_share_a_key_and_differ_in_their_side() -> None:
    packets = []
    for ip, there, back in ((IP, "10.0.0.1", "10.0.0.2"), (IPv6, "2001:db8::1", "2001:db8::2")):
        for layer in (TCP, UDP, SCTP):
            packets += [
                MAC / ip(src=there, dst=back) / layer(sport=5, dport=9),
                MAC / ip(src=back, dst=there) / layer(sport=9, dport=5),
            ]
    headers = parse(batch(packets))
    assert (headers.key[0::2] == headers.key[1::2]).all()
    assert (headers.side[0::2] != headers.side[1::2]).all()
    assert len(np.unique(headers.key)) == 6


def test_an_echo_and_its_answer_are_one_flow_and_an_error_is_its_own() -> None:
    there, back = IP(src="10.0.0.1", dst="10.0.0.2"), IP(src="10.0.0.2", dst="10.0.0.1")
    headers = parse(batch([MAC / there / ICMP(type=8), MAC / back / ICMP(type=0), MAC / back / ICMP(type=3, code=1)]))
    assert headers.key[0] == headers.key[1]
    assert headers.key[2] != headers.key[0]
    assert list(zip(headers.transport.source.tolist(), headers.transport.target.tolist(), strict=True)) == [
        (8, 0), (0, 8), (3, 1),
    ]  # fmt: skip
    six = parse(batch([MAC / SIX / ICMPv6EchoRequest(data=b"ping")]))
    assert (_row(six)["ports"], _row(six)["payload"]) == ((128, 129), b"ping")


def test_what_is_not_ip_has_its_ethertype_and_no_flow() -> None:
    headers = parse(batch([MAC / ARP(), MAC / LLC() / Raw(bytes(40)), Raw(b"short")]))
    assert headers.links.kind[0] == ARP_TYPE
    assert headers.flowing.tolist() == [False] * 3


def test_what_stands_too_deep_is_no_flow() -> None:
    tags = MAC
    for _ in range(9):
        tags /= Dot1Q(vlan=1)
    headers = parse(batch([tags / FOUR / INNER, _deep(33) / INNER, _deep(32) / INNER]))
    assert headers.flowing.tolist() == [False, False, True]


def test_padding_is_no_payload_and_a_zero_length_is_the_frames() -> None:
    short = bytes(MAC / FOUR / TCP(sport=1, dport=2)) + bytes(6)
    giant = bytes(MAC / IP(src="10.1.2.3", dst="192.0.2.9", len=0) / TCP(sport=1, dport=2) / Raw(bytes(3000)))
    headers = parse(batch([short, giant]))
    assert headers.transport.length.tolist() == [0, 3000]


def test_fragments_are_marked_and_belong_to_no_flow_yet() -> None:
    packets = [
        MAC / IP(src="10.1.2.3", dst="10.9.9.9", flags="MF") / UDP() / Raw(bytes(8)),
        MAC / IP(src="10.1.2.3", dst="10.9.9.9", frag=3) / Raw(bytes(8)),
        MAC / SIX / IPv6ExtHdrFragment(m=1, nh=17) / UDP(),
    ]
    headers = parse(batch(packets))
    assert headers.network.fragment.tolist() == [True] * 3
    assert headers.flowing.tolist() == [False] * 3


@pytest.mark.parametrize("name", AROUND)
def test_a_packet_that_is_cut_anywhere_costs_no_other(name: str) -> None:
    whole = WHOLE[name]
    cut = [whole[:end] for end in range(len(whole))]
    headers = parse(batch([*cut, whole]))
    assert _row(headers, len(cut))["payload"] == b"payload"
    for row, frame in enumerate(cut):
        end = int(headers.transport.payload[row] + headers.transport.captured[row] - headers.batch.start[row])
        if headers.flowing[row] and headers.transport.captured[row]:
            assert end <= len(frame)


@given(st.lists(st.tuples(st.binary(max_size=120), st.sampled_from(list(Link))), min_size=1, max_size=20))
@settings(max_examples=50)
def test_no_bytes_do_harm(frames: list[tuple[bytes, Link]]) -> None:
    made = batch([frame for frame, _ in frames])
    made.link[:] = [link for _, link in frames]
    headers = parse(made)
    ends = made.start + made.caplen
    flowing = headers.flowing & (headers.transport.captured > 0)
    assert (headers.transport.payload + headers.transport.captured <= ends)[flowing].all()


@given(st.sampled_from(list(AROUND)), st.integers(0, 100), st.integers(0, 255))
@settings(max_examples=50)
def test_a_changed_byte_does_no_harm_to_its_neighbours(name: str, at: int, value: int) -> None:
    damaged = bytearray(WHOLE[name])
    damaged[at % len(damaged)] = value
    headers = parse(batch([NEIGHBOURS[0], bytes(damaged), NEIGHBOURS[1]]))
    assert [_row(headers, row)["payload"] for row in (0, 2)] == [b"payload"] * 2
