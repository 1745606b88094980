"""Neighbour discovery: routers, resolvers and claims as scapy makes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
)

from collector.protocols import neighbour
from collector.protocols.model import Malformed

_MAC = bytes.fromhex("020000000001")
_ADDRESSES = st.ip_addresses(v=6).map(str)


def _one(packet: bytes) -> dict[str, object]:
    (log,) = neighbour.read(7, "fe80::1", "ff02::1", _MAC, packet)
    assert (log.path, log.at) == ("nd", 7)
    return dict(log.fields)


_ROUTER = bytes(
    ICMPv6ND_RA(M=1, O=0, routerlifetime=1800)
    / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:09")
    / ICMPv6NDOptPrefixInfo(prefix="2001:db8:1::", prefixlen=64)
    / ICMPv6NDOptRDNSS(dns=["2001:db8::53", "2001:db8::54"])
)


def test_a_router_is_told_with_its_prefixes_and_resolvers() -> None:
    assert _one(_ROUTER) == {
        "op": "router_advertisement",
        "src_ip": "fe80::1",
        "src_mac": "02:00:00:00:00:01",
        "dst_ip": "ff02::1",
        "lifetime": 1800,
        "managed": True,
        "other": False,
        "link_mac": "02:00:00:00:00:09",
        "prefixes": ["2001:db8:1::/64"],
        "resolvers": ["2001:db8::53", "2001:db8::54"],
    }


@settings(max_examples=50)
@given(target=_ADDRESSES, solicited=st.booleans(), override=st.booleans())
def test_a_claim_is_told_as_made(target: str, solicited: bool, override: bool) -> None:
    packet = ICMPv6ND_NA(tgt=target, S=solicited, O=override) / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:07")
    told = _one(bytes(packet))
    assert (told["target"], told["solicited"], told["override"]) == (target, solicited, override)
    assert told["link_mac"] == "02:00:00:00:00:07"


def test_a_question_names_whom_it_asks_for() -> None:
    told = _one(bytes(ICMPv6ND_NS(tgt="2001:db8::7")))
    assert (told["op"], told["target"]) == ("neighbour_solicitation", "2001:db8::7")


def test_other_types_are_left_out() -> None:
    assert neighbour.read(1, "::1", "::2", _MAC, b"\x80\0\0\0") == ()
    assert neighbour.read(1, "::1", "::2", _MAC, b"") == ()


def test_an_option_without_length_and_a_cut_packet_are_malformed() -> None:
    with pytest.raises(Malformed, match="nd_option_length"):
        _one(_ROUTER[:16] + b"\1\0" + bytes(6))
    with pytest.raises(Malformed, match="nd_truncated"):
        _one(_ROUTER[:15])


def test_damage_harms_nobody() -> None:
    for place in range(len(_ROUTER)):
        for packet in (_ROUTER[:place], _ROUTER[:place] + bytes([_ROUTER[place] ^ 0xFF]) + _ROUTER[place + 1 :]):
            with contextlib.suppress(Malformed):
                neighbour.read(1, "fe80::1", "ff02::1", _MAC, packet)
