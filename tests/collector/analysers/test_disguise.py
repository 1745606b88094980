"""Attacks in the simplest disguise: slower, spread out, by another kind of message. As packets with their own times."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from collector.analysers.registry import analysers
from collector.heads.head import Entry
from collector.protocols.model import Side
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import NOON, SECOND, batch, claim, lease, resolved, scan
from tests.e2e.attacks import spoken

Moment = tuple[float, Sequence[bytes]]
SOURCE, RESOLVER, FAR = "10.0.0.31", "10.0.0.53", "203.0.113.77"
HOUR, DAY = 3600, 86_400


def noted(moments: Iterable[Moment]) -> set[Any]:
    """Return what is noticed in frames that pass by at these seconds."""
    watch = Watch(PROTOCOLS, analysers=analysers())
    found: list[Entry] = []
    for second, frames in moments:
        begin = NOON + int(second * SECOND)
        found += watch.take(batch(frames, range(begin, begin + len(frames) * 1_000_000, 1_000_000)))
    found += watch.finish()
    assert watch.analysis.faults == 0
    return {one.log.fields["note"] for one in found if one.log.path == "notice"}


def _asked(name: str, kind: str, said: str, number: int) -> list[bytes]:
    """A question for data in a name, or in its answer."""
    link = Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:02")
    asked = DNSQR(qname=name, qtype=kind)
    told = DNSRR(rrname=name, type=kind, ttl=1, rdata=said)
    question = DNS(id=number & 0xFFFF, qd=asked)
    answer = DNS(id=number & 0xFFFF, qr=1, qd=asked, an=told)
    ports = 41_000 + number % 20_000
    return [
        bytes(link / IP(src=SOURCE, dst=RESOLVER) / UDP(sport=ports, dport=53) / question),
        bytes(link / IP(src=RESOLVER, dst=SOURCE) / UDP(sport=53, dport=ports) / answer),
    ]


@pytest.mark.parametrize("ports", [[22], [22, 80, 443, 445, 3389]], ids=["one port", "another port each"])
def test_a_search_for_open_ports_over_an_hour(ports: list[int]) -> None:
    moments = [(n * 75.0, scan(SOURCE, f"10.0.1.{n + 1}", [ports[n % len(ports)]])) for n in range(48)]
    assert noted(moments) == {"Scan::Slow"}


def test_many_ports_of_one_computer_over_a_working_day() -> None:
    assert noted([(n * 600.0, scan(SOURCE, "10.0.1.9", [n + 1])) for n in range(45)]) == {"Scan::Slow"}


def test_a_search_for_computers_over_two_hours() -> None:
    ask = Ether(src="02:00:00:00:00:03", dst="ff:ff:ff:ff:ff:ff")
    frames = [
        bytes(ask / ARP(op=1, hwsrc="02:00:00:00:00:03", psrc=SOURCE, pdst=f"10.0.0.{n}")) for n in range(100, 220)
    ]
    assert noted((HOUR + n * 60.0, [frame]) for n, frame in enumerate(frames)) == {"Scan::Sweep"}


def test_a_tunnel_over_several_domains() -> None:
    draw = random.Random(3)
    names = [f"{draw.randbytes(20).hex()}.z{n % 8}-badanie.example" for n in range(320)]
    assert noted((n * 20.0, _asked(name, "A", FAR, n)) for n, name in enumerate(names)) == {"DNS::Tunnel"}


@pytest.mark.parametrize("kind", ["TXT", "CNAME"])
def test_a_tunnel_that_brings_data_under_short_names(kind: str) -> None:
    draw = random.Random(4)
    moments = []
    for n in range(120):
        said = f"{draw.randbytes(60).hex()[:60]}.{draw.randbytes(60).hex()[:60]}.badanie.example"
        moments.append((n * 60.0, _asked(f"{n + 4711:x}.c.badanie.example", kind, said, n)))
    assert noted(moments) == {"DNS::Tunnel"}


def test_invented_names_under_many_endings() -> None:
    draw, endings = random.Random(5), ("com", "pl", "ru", "info", "eu")
    names = ["www." + "".join(draw.choices("bcdfghjkmnpqrstvwxz", k=12)) + f".{endings[n % 5]}" for n in range(14)]
    assert noted((n * HOUR, resolved(SOURCE, RESOLVER, name)) for n, name in enumerate(names)) == {
        "DNS::Generated_Names"
    }


def test_a_beacon_with_a_third_of_jitter() -> None:
    draw = random.Random(6)
    at, moments = 0.0, []
    for n in range(60):
        at += 300 * draw.uniform(0.7, 1.3)
        turns = [(Side.ORIG, bytes(draw.randrange(180, 260))), (Side.RESP, bytes(90))]
        moments.append((at, spoken(SOURCE, FAR, 8443, turns, 40_000 + n)))
    assert noted(moments) == {"Conn::Beacon"}


@pytest.mark.parametrize("kind", [1, 2], ids=["asked of oneself", "answered to one"])
def test_the_gateways_address_claimed_by_a_question_or_an_answer_to_one(kind: int) -> None:
    known = [lease("10.0.0.2", "10.0.0.1"), claim("10.0.0.1", "00:0c:42:00:00:01")]
    everyone, victim, card = "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:03", "08:00:27:00:00:66"
    target = ("10.0.0.1", everyone) if kind == 1 else (SOURCE, victim)
    said = ARP(op=kind, hwsrc=card, psrc="10.0.0.1", hwdst=target[1], pdst=target[0])
    spoofed = bytes(Ether(src=card, dst=target[1]) / said)
    assert noted([(0, known), (HOUR, known), (HOUR + 60, [spoofed])]) == {"ARP::Binding_Changed"}


def test_a_second_dhcp_server_that_answers_new_computers_only() -> None:
    known = [(n * HOUR, [lease("10.0.0.2", "10.0.0.1")]) for n in range(26)]
    assert noted([*known, (26 * HOUR, [lease("10.0.0.66", "10.0.0.1")])]) == {"DHCP::Unknown_Server"}


def test_an_upload_in_many_connections() -> None:
    def sent(at: float, count: int, own: int) -> Moment:
        return at, spoken(SOURCE, FAR, 443, [(Side.ORIG, bytes(count)), (Side.RESP, b"ok")], own, size=60_000)

    days = [sent(n * DAY, 5000, 40_000) for n in range(7)]
    parts = [sent(7 * DAY + n * 30, 1_000_000, 41_000 + n) for n in range(310)]
    assert "Conn::Upload_Above_Usual" in noted([*days, *parts])


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "192.168.7.7"])
def test_a_name_that_turns_inwards(inside: str) -> None:
    answers = [resolved(SOURCE, RESOLVER, "s-7.napad.example", to) for to in ("93.184.215.14", inside)]
    assert noted([(n * 20.0, frames) for n, frames in enumerate(answers)]) == {"DNS::Rebinding"}
