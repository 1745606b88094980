"""The sensor at a real virtual card, with no right but the one that it needs."""

from __future__ import annotations

import multiprocessing
import subprocess
from collections.abc import Iterator

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.collector.replay import send
from tests.collector.watching.nobody import NET_RAW, NOBODY, watch

ONE, OTHER = "czt-alone0", "czt-alone1"
QUESTION = (
    Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / UDP(sport=5000, dport=53)
    / DNS(id=7, qd=DNSQR(qname="urzad.example"))
)


@pytest.fixture
def cards() -> Iterator[None]:
    subprocess.run(["ip", "link", "add", ONE, "type", "veth", "peer", "name", OTHER], check=True)
    try:
        for card in (ONE, OTHER):
            subprocess.run(["ip", "link", "set", card, "addrgenmode", "none"], check=True)
            subprocess.run(["ip", "link", "set", card, "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "del", ONE], check=True)


@pytest.mark.root
def test_a_user_with_one_capability_can_watch(cards: None) -> None:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=watch, args=(ONE, theirs), daemon=True)
    process.start()
    assert ours.poll(60)
    assert ours.recv() == "open"
    send(OTHER, [QUESTION])
    assert ours.poll(60)
    paths, capabilities, users = ours.recv()
    process.join(10)
    assert (sorted(paths), int(capabilities, 16), set(users)) == (["conn", "dns"], NET_RAW, {str(NOBODY)})
