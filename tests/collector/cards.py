"""A pair of virtual cards, and a packet for them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

QUESTION = (
    Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / UDP(sport=5000, dport=53)
    / DNS(id=7, qd=DNSQR(qname="urzad.example"))
)


@contextmanager
def pair_of_cards(one: str, other: str) -> Iterator[None]:
    """Make two cards, each the other's peer, that send nothing by themselves; the test may take them away before."""
    subprocess.run(["ip", "link", "add", one, "type", "veth", "peer", "name", other], check=True)
    try:
        for card in (one, other):
            subprocess.run(["ip", "link", "set", card, "addrgenmode", "none"], check=True)
            subprocess.run(["ip", "link", "set", card, "up"], check=True)
        yield
    finally:
        if Path("/sys/class/net", one).exists():
            subprocess.run(["ip", "link", "del", one], check=True)
