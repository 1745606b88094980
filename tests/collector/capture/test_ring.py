"""The ring over a real pair of virtual cards."""

from __future__ import annotations

import select
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from collector.capture.leaveout import read_rules
from collector.capture.ring import Ring
from collector.headers.parse import parse
from tests.collector.cards import pair_of_cards
from tests.collector.replay import send

pytestmark = pytest.mark.root
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ONE, OTHER = "czt-ring0", "czt-ring1"


@pytest.fixture
def cards() -> Iterator[None]:
    with pair_of_cards(ONE, OTHER):
        yield


def _read(rings: list[Ring], count: int) -> list[list[tuple[int, int, int, bytes]]]:
    """Read until so many frames came: (port of the source, port of the target, VLAN, payload) by ring."""
    found: list[list[tuple[int, int, int, bytes]]] = [[] for _ in rings]
    while sum(map(len, found)) < count:
        ready, _, _ = select.select(rings, [], [], 10)
        assert ready, f"only {found}"
        for ring in ready:
            for batch in ring.batches(8):
                headers = parse(batch)
                transport = headers.transport
                for row in range(len(batch)):
                    start, length = int(transport.payload[row]), int(transport.captured[row])
                    payload = batch.data[start : start + length].tobytes()
                    ports = int(transport.source[row]), int(transport.target[row])
                    found[rings.index(ring)].append((*ports, int(headers.links.vlan[row]), payload))
    return found


@pytest.mark.usefixtures("cards")
def test_the_ring_gives_what_came_over_the_card_with_its_vlan() -> None:
    ring = Ring(ONE, 16 << 20)
    try:
        plain = ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=53) / b"plain"
        tagged = ETHER / Dot1Q(vlan=42) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1001, dport=80) / b"tagged"
        send(OTHER, [plain, tagged])
        assert _read([ring], 2) == [[(1000, 53, -1, b"plain"), (1001, 80, 42, b"tagged")]]
        assert ring.statistics() == (2, 0)
    finally:
        ring.close()


@pytest.mark.usefixtures("cards")
def test_the_kernel_leaves_out_what_the_rules_say() -> None:
    ring = Ring(ONE, 16 << 20, rules=read_rules(["vlan=42", "host=10.0.0.9", "port=3260"]))
    try:
        ends = {"src": "10.0.0.1", "dst": "10.0.0.2"}
        send(OTHER, [
            ETHER / Dot1Q(vlan=42) / IP(**ends) / UDP(sport=1000, dport=53) / b"tagged",
            ETHER / IP(src="10.0.0.9", dst="10.0.0.2") / UDP(sport=1000, dport=53) / b"host",
            ETHER / IP(**ends) / TCP(sport=1000, dport=3260) / b"port",
            ETHER / Dot1Q(vlan=43) / IP(**ends) / UDP(sport=1000, dport=53) / b"kept",
        ])  # fmt: skip
        assert _read([ring], 1) == [[(1000, 53, 43, b"kept")]]
        assert ring.statistics() == (1, 0)
    finally:
        ring.close()


@pytest.mark.usefixtures("cards")
def test_rings_of_one_group_share_whole_flows() -> None:
    # A block is handed over every 200 ms: with few of them a busy machine drops while this test still sends.
    rings = [Ring(ONE, group=0x5A17) for _ in range(2)]
    try:
        packets = []
        for port in range(2000, 2040):
            there = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=port, dport=443) / b"there"
            back = IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=443, dport=port) / b"back"
            packets += [ETHER / there, ETHER / back]
        send(OTHER, packets)
        found = _read(rings, 80)
        clients = [{max(source, target) for source, target, _, _ in part} for part in found]
        assert not clients[0] & clients[1]
        assert all(len(part) == 2 * len(ports) for part, ports in zip(found, clients, strict=True))
        assert all(clients)
    finally:
        for ring in rings:
            ring.close()


@pytest.mark.usefixtures("cards")
def test_a_ring_that_nobody_reads_counts_what_it_drops() -> None:
    ring = Ring(ONE, 8 << 20)
    try:
        send(OTHER, [bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / bytes(1400))] * 7500)
        counted = ring.statistics()
        assert counted.drops > 0
        assert counted.frames + counted.drops == 7500
        read = sum(len(batch) for _ in range(4) for batch in ring.batches(8))
        assert read == counted.frames
    finally:
        ring.close()


def test_a_card_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError):
        Ring("czt-missing")
