"""What nobody reads is counted by what it is."""

from __future__ import annotations

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, LLC, STP, Dot1Q, Dot3, Ether
from scapy.packet import Packet, Raw

from collector.capture.batch import Link
from collector.headers.parse import parse
from collector.headers.unread import LLC as ANY_LLC
from collector.headers.unread import Unread
from tests.collector.packets import batch

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
FOUR, LOAD = IP(src="10.0.0.1", dst="10.0.0.2"), UDP(sport=1, dport=2) / Raw(b"x")


def _counted(*packets: Packet, link: int = Link.ETHERNET) -> tuple[int, dict[int, int]]:
    unread = Unread()
    unread.look(parse(batch(packets, link=link)))
    return unread.broken, dict(unread.kinds)


def test_what_is_read_is_not_counted() -> None:
    pieces = [MAC / IP(flags="MF") / Raw(bytes(8)), MAC / IP(frag=1) / Raw(bytes(8))]
    lldp = Ether(src="02:00:00:00:00:01", type=0x88CC) / Raw(bytes(40))
    assert _counted(MAC / FOUR / LOAD, MAC / ARP(), lldp, *pieces) == (0, {})
    assert _counted(MAC / FOUR / LOAD, link=147) == (0, {})


def test_frames_of_other_protocols_are_counted_by_their_ethertype() -> None:
    profinet = Ether(src="02:00:00:00:00:01", type=0x8892) / Raw(bytes(40))
    tree = Dot3(src="02:00:00:00:00:01") / LLC() / STP()
    assert _counted(profinet, profinet, tree, MAC / FOUR / LOAD) == (0, {0x8892: 2, ANY_LLC: 1})


def test_headers_that_are_broken_cut_or_too_many_are_counted() -> None:
    tags = MAC
    for _ in range(9):
        tags /= Dot1Q(vlan=1)
    deep = MAC / IPv6()
    for _ in range(33):
        deep /= IPv6ExtHdrDestOpt()
    cut = Raw(bytes(MAC / FOUR / LOAD)[: 14 + 20 + 4])
    short = MAC / IP(ihl=3, src="10.0.0.1", dst="10.0.0.2") / LOAD
    assert _counted(tags / FOUR / LOAD, deep / LOAD, cut, short) == (4, {})
