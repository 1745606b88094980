"""Packets of ARP and of neighbour discovery that the fuzzers begin with: scapy's, without the link's header."""

from __future__ import annotations

from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
)
from scapy.layers.l2 import ARP

_CARD = "02:00:00:00:00:01"
QUESTION = bytes(ARP(op=1, psrc="10.0.0.1", pdst="10.0.0.2", hwsrc=_CARD))
CLAIM = bytes(ARP(op=2, psrc="10.0.0.1", pdst="10.0.0.1", hwsrc=_CARD, hwdst=_CARD)) + bytes(18)
ADVERTISEMENT = bytes(ICMPv6ND_NA(tgt="fe80::2", S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=_CARD))
ROUTER = bytes(
    ICMPv6ND_RA(M=1, routerlifetime=1800)
    / ICMPv6NDOptSrcLLAddr(lladdr=_CARD)
    / ICMPv6NDOptPrefixInfo(prefix="2001:db8:1::", prefixlen=64)
    / ICMPv6NDOptRDNSS(dns=["2001:db8::53", "2001:db8::54"])
)
