"""ARP: what scapy makes is told as it was made; cut and damaged packets harm nobody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.l2 import ARP

from collector.protocols import arp
from collector.protocols.model import Malformed

_MACS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
_ADDRESSES = st.ip_addresses(v=4).map(str)


@settings(max_examples=50)
@given(op=st.sampled_from([1, 2]), src=_ADDRESSES, dst=_ADDRESSES, src_mac=_MACS, dst_mac=_MACS)
def test_what_was_made_is_told(op: int, src: str, dst: str, src_mac: str, dst_mac: str) -> None:
    packet = bytes(ARP(op=op, psrc=src, pdst=dst, hwsrc=src_mac, hwdst=dst_mac))
    (log,) = arp.read(5, packet)
    expected = {
        "src_ip": src,
        "dst_ip": dst,
        "src_mac": src_mac,
        "dst_mac": dst_mac,
        "op": ("request", "reply")[op - 1],
    }
    assert (log.path, log.at) == ("arp", 5)
    assert log.fields == (expected | {"gratuitous": True} if src == dst else expected)


def test_padding_of_the_link_is_no_part_of_it() -> None:
    packet = bytes(ARP(op=2, psrc="10.0.0.1", pdst="10.0.0.2", hwsrc="02:00:00:00:00:01", hwdst="02:00:00:00:00:02"))
    assert arp.read(1, packet + bytes(18)) == arp.read(1, packet)


@pytest.mark.parametrize("size", range(28))
def test_a_cut_packet_is_malformed(size: int) -> None:
    with pytest.raises(Malformed, match="arp_truncated"):
        arp.read(1, bytes(ARP())[:size])


def test_other_hardware_and_other_operations_are_left_out() -> None:
    assert arp.read(1, bytes(ARP(op=3, hwsrc="02:00:00:00:00:01", psrc="10.0.0.1"))) == ()
    assert arp.read(1, b"\x00\x20" + bytes(ARP(hwsrc="02:00:00:00:00:01", psrc="10.0.0.1"))[2:]) == ()
