"""Names that turn from an address of the internet to one of the office, and names that are split or blocked."""

from __future__ import annotations

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from collector.analysers.dns_rebinding import BLOCKING, MOST, WINDOW, DnsRebinding
from collector.heads.head import Entry
from collector.protocols.model import Log, Value
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, MINUTE, RESOLVER, SECOND, STATION, again, dns, notices, rules
from tests.collector.packets import batch

PUBLIC, PRINTER = "93.184.215.14", "192.168.10.77"
NAME = "s-77.napad.example"


@pytest.mark.parametrize("inside", [PRINTER, "127.0.0.1", "10.1.1.1", "169.254.169.254", "fd00::1", "::1"])
def test_a_name_that_turns_inwards_is_noticed_once(inside: str) -> None:
    analyser = DnsRebinding()
    turns = [
        dns(BEGIN + n * SECOND, NAME, answers=[PUBLIC if n < 2 else inside], TTLs=[1.0], AA=False) for n in range(5)
    ]
    found = notices(analyser, turns)
    assert [(log.fields["note"], log.fields["answers"]) for log in found] == [("DNS::Rebinding", [inside])]
    assert rules(found) == {"zeek_notice_dns_rebinding"}
    assert notices(again(analyser, DnsRebinding()), turns) == []


def test_both_addresses_at_once_are_noticed() -> None:
    both = dns(BEGIN, NAME, answers=["cname.napad.example", PUBLIC, PRINTER], TTLs=[60.0, 60.0, 60.0])
    assert len(notices(DnsRebinding(), [both])) == 1


@pytest.mark.parametrize(
    ("first", "then"),
    [
        # Names that are only ever inside: plex.direct, the office's own zone.
        ({"answers": [PRINTER]}, {"answers": [PRINTER]}),
        # The office's name server is the master of a name that the internet knows, too.
        ({"answers": [PUBLIC]}, {"answers": [PRINTER], "AA": True}),
        # A laptop that went from the public name to the VPN.
        ({"answers": [PUBLIC]}, {"answers": [PRINTER], "TTLs": [3600.0]}),
        # A list that blocks.
        ({"answers": [PUBLIC]}, {"answers": ["0.0.0.0"]}),
        # From inside to outside.
        ({"answers": [PRINTER]}, {"answers": [PUBLIC]}),
    ],
)
def test_split_and_blocked_names_are_harmless(first: dict[str, Value], then: dict[str, Value]) -> None:
    asked = [dns(BEGIN, NAME), dns(BEGIN + MINUTE, NAME)]
    told = [
        Entry(Log("dns", one.log.at, {**one.log.fields, "TTLs": [5.0], **fields}), one.uid, one.flow)
        for one, fields in zip(asked, (first, then), strict=True)
    ]
    assert notices(DnsRebinding(), told) == []


def test_a_filter_that_answers_with_its_own_page_is_harmless_once_it_is_known() -> None:
    analyser = DnsRebinding()
    learnt = [dns(BEGIN, f"reklama{n}.example", answers=[PRINTER], TTLs=[5.0]) for n in range(BLOCKING)]
    turn = [dns(BEGIN + n * SECOND, NAME, answers=[(PUBLIC, PRINTER)[n]], TTLs=[5.0]) for n in range(2)]
    assert notices(analyser, [*learnt, *turn]) == []


def test_long_after_the_public_answer_a_private_one_is_another_matter() -> None:
    late = dns(BEGIN + WINDOW + SECOND, NAME, answers=[PRINTER], TTLs=[5.0])
    assert notices(DnsRebinding(), [dns(BEGIN, NAME, answers=[PUBLIC], TTLs=[5.0]), late]) == []


def test_memory_is_bounded() -> None:
    analyser = DnsRebinding()
    for number in range(MOST + 50):
        inside = f"10.0.{number // 256}.{number % 256}"
        notices(analyser, [dns(BEGIN, f"n{number}.d{number}.example", answers=[PUBLIC, inside])])
    assert len(analyser._public) == len(analyser._answered) == MOST
    assert len(str(analyser.memory())) < 300_000


def test_a_turn_in_packets_is_noticed() -> None:
    packets = []
    for number, address in enumerate((PUBLIC, PRINTER)):
        question = DNSQR(qname=NAME)
        packets.append(
            Ether() / IP(src=STATION, dst=RESOLVER) / UDP(sport=40_000, dport=53) / DNS(id=number, qd=question)
        )
        back = Ether() / IP(src=RESOLVER, dst=STATION) / UDP(sport=53, dport=40_000)
        packets.append(back / DNS(id=number, qr=1, qd=question, an=DNSRR(rrname=NAME, rdata=address, ttl=1)))
    watch = Watch(PROTOCOLS, analysers=[DnsRebinding()])
    found = [entry.log.fields["note"] for entry in watch.take(batch(packets)) if entry.log.path == "notice"]
    assert found == ["DNS::Rebinding"]
