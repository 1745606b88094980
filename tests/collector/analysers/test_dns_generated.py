"""Malware that looks for its server by invented names, and names that do not exist for other reasons."""

from __future__ import annotations

import random
import string
from collections.abc import Iterable, Iterator

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from collector.analysers.dns_generated import DOMAINS, MOST_DOMAINS, MOST_SOURCES, DnsGenerated
from collector.heads.head import Entry
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.analysers.logs import (
    BEGIN,
    DAY,
    HOUR,
    MINUTE,
    RESOLVER,
    SECOND,
    STATION,
    again,
    dns,
    notices,
    rules,
)
from tests.collector.packets import batch

CHOICE = random.Random(11)


def invented(length: int = 14) -> str:
    return "".join(CHOICE.choice(string.ascii_lowercase) for _ in range(length))


def missing(names: Iterable[str], gap: int, source: str = STATION) -> Iterator[Entry]:
    for number, name in enumerate(names):
        yield dns(BEGIN + number * gap, name, source=source, rcode_name="NXDOMAIN")


def domains(count: int) -> list[str]:
    return [f"{invented()}.{CHOICE.choice(('com', 'net', 'ru', 'co.uk', 'ddns.net', 'info'))}" for _ in range(count)]


def test_invented_domains_are_noticed_though_they_come_slowly() -> None:
    analyser = DnsGenerated()
    found = notices(analyser, missing(domains(40), HOUR))
    assert [log.fields["note"] for log in found] == ["DNS::Generated_Names"] * 2
    assert found[1].at - found[0].at >= DAY
    assert (found[0].fields["src"], found[0].fields["n"]) == (STATION, DOMAINS)
    assert rules(found) == {"zeek_notice_dns_generated_names"}


def test_what_was_missed_outlives_a_restart() -> None:
    names = domains(DOMAINS + 4)
    analyser = DnsGenerated()
    assert notices(analyser, missing(names[: DOMAINS // 2], MINUTE)) == []
    assert len(notices(again(analyser, DnsGenerated()), missing(names, MINUTE))) == 1


def test_too_few_in_a_day_are_not_noticed() -> None:
    assert notices(DnsGenerated(), missing(domains(100), DAY // (DOMAINS - 3))) == []


def test_a_browsers_test_typing_errors_and_lists_are_harmless() -> None:
    def names() -> Iterator[str]:
        for _ in range(300):
            yield invented(11)
            yield f"{invented(11)}.urzad.local"
            yield f"{invented(20)}.lista.example.org"
            yield CHOICE.choice(["wwww.allegro.pl", "gogle.com", "urzadgminyczujka.pl", "oneet.pl", "facebok.com"])
            yield CHOICE.choice(["zamowienia2019.pl", "przetargi-archiwum.eu", "stary-sklep-komputerowy.com.pl"])
            yield "xn--rzd-gminy-9xb2b.pl"
            yield f"{CHOICE.randint(1, 254)}.0.168.192.in-addr.arpa"

    assert notices(DnsGenerated(), missing(names(), SECOND)) == []


def test_names_that_exist_are_not_counted() -> None:
    assert notices(DnsGenerated(), [dns(BEGIN + n, name) for n, name in enumerate(domains(100))]) == []


def test_the_name_server_that_asks_on_is_not_accused() -> None:
    analyser, found = DnsGenerated(), []
    for number, name in enumerate(domains(30)):
        at = BEGIN + number * MINUTE
        found += notices(analyser, [dns(at, name, rcode_name="NXDOMAIN")])
        found += notices(analyser, [dns(at, name, source=RESOLVER, server="9.9.9.9", rcode_name="NXDOMAIN")])
    assert [log.fields["src"] for log in found] == [STATION]


def test_memory_is_bounded() -> None:
    analyser = DnsGenerated()
    notices(analyser, missing(domains(MOST_DOMAINS * 3), SECOND))
    for number in range(MOST_SOURCES + 50):
        notices(analyser, missing(domains(1), SECOND, f"10.0.{number // 256}.{number % 256}"))
    assert len(analyser._missed) == MOST_SOURCES
    assert all(len(missed) <= MOST_DOMAINS for _, missed in analyser._missed.items())
    assert len(str(analyser.memory())) < 200_000


def test_invented_names_in_packets_are_noticed() -> None:
    packets = []
    for number, name in enumerate(domains(DOMAINS)):
        question = DNSQR(qname=name)
        packets.append(
            Ether() / IP(src=STATION, dst=RESOLVER) / UDP(sport=40_000, dport=53) / DNS(id=number, qd=question)
        )
        back = Ether() / IP(src=RESOLVER, dst=STATION) / UDP(sport=53, dport=40_000)
        packets.append(back / DNS(id=number, qr=1, rcode=3, qd=question))
    watch = Watch(PROTOCOLS, analysers=[DnsGenerated()])
    found = [entry.log.fields["note"] for entry in watch.take(batch(packets)) if entry.log.path == "notice"]
    assert found == ["DNS::Generated_Names"]
