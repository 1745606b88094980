"""Tunnels over DNS, and what looks like them."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from collector.analysers.dns_tunnel import MOST_NAMES, MOST_TALKS, NAMES, WINDOW, DnsTunnel
from collector.heads.head import Entry
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, MINUTE, RESOLVER, SECOND, STATION, again, dns, notices, rules
from tests.collector.packets import batch

CHOICE = random.Random(7)
ZONE = "t.badanie.example"


def encoded(size: int) -> str:
    """Data as iodine and its like write it into names."""
    text = base64.b32encode(CHOICE.randbytes(size)).decode().rstrip("=").lower()
    return ".".join(text[place : place + 60] for place in range(0, len(text), 60))


def asked(count: int, gap: int, size: int = 30, zone: str = ZONE, **fields: str) -> Iterator[Entry]:
    for number in range(count):
        yield dns(BEGIN + number * gap, f"{encoded(size)}.{zone}", **fields)


def test_data_in_names_is_noticed_once_a_day() -> None:
    analyser = DnsTunnel()
    found = notices(analyser, asked(300, SECOND))
    assert [log.fields["note"] for log in found] == ["DNS::Tunnel"]
    fields = found[0].fields
    assert (fields["src"], fields["sub"], fields["n"]) == (STATION, "badanie.example", NAMES)
    assert isinstance(fields["entropy"], float)
    assert fields["entropy"] > 4.5
    assert rules(found) == {"zeek_notice_dns_tunnel"}
    assert notices(again(analyser, DnsTunnel()), asked(300, SECOND)) == []
    assert len(notices(analyser, [dns(BEGIN + 2 * DAY + n, f"{encoded(30)}.{ZONE}") for n in range(99)])) == 1


def test_data_in_answers_is_noticed() -> None:
    answer = ["x" * 200]
    polls = [
        dns(BEGIN + n * 5 * SECOND, f"{CHOICE.randbytes(9).hex()}.{ZONE}", kind="TXT", answers=answer)
        for n in range(70)
    ]
    (found,) = notices(DnsTunnel(), polls)
    assert found.fields["bytes_down"] == 200 * NAMES
    assert found.fields["carrying_share"] == 1


def test_a_tool_that_asks_its_own_server_without_a_domain_is_noticed() -> None:
    names = [f"dnscat.{CHOICE.randbytes(17).hex()}" for _ in range(NAMES)]
    (found,) = notices(DnsTunnel(), [dns(BEGIN + n * SECOND, name, server="185.9.9.9") for n, name in enumerate(names)])
    assert found.fields["sub"] == "185.9.9.9"


def test_a_slow_tunnel_is_noticed_and_a_slower_one_is_not() -> None:
    assert len(notices(DnsTunnel(), asked(80, WINDOW // 70))) == 1
    assert notices(DnsTunnel(), asked(200, WINDOW // 40)) == []


@pytest.mark.parametrize(
    "zone",
    ["avts.mcafee.com", "sophosxl.net", "e5.sk", "dbl.spamhaus.org", "blob.core.windows.net", "a.edgekey.net"],
)
def test_services_with_long_names_are_harmless(zone: str) -> None:
    assert notices(DnsTunnel(), asked(1000, SECOND, zone=zone)) == []


def test_content_delivery_mail_lists_and_the_offices_own_names_are_harmless() -> None:
    def names() -> Iterator[str]:
        for n in range(1000):
            yield f"{CHOICE.randbytes(7).hex()}.cloudfront.net"
            yield f"{n % 256}.{n // 256}.51.198.lista.example.org"
            yield f"stacja-ksiegowosc-{n}.urzad.local"
            yield f"ip-10-3-{n % 256}-{n // 256}.klienci.dostawca.example"
            yield f"mieszkaniec{n}.sekretariat.gmina.pl"
            yield f"{n % 12}{'abcdefghij' * 2}.statystyka.example"
            yield f"{n}.1.168.192.in-addr.arpa"

    assert notices(DnsTunnel(), [dns(BEGIN + n * SECOND, name) for n, name in enumerate(names())]) == []


def test_a_page_that_measures_with_invented_names_is_harmless() -> None:
    pages = [dns(BEGIN + n * MINUTE, f"{encoded(12)}.pomiar.example") for n in range(NAMES - 4)]
    assert notices(DnsTunnel(), pages) == []


def test_the_name_server_that_asks_on_is_not_accused() -> None:
    analyser, found = DnsTunnel(), []
    for number, entry in enumerate(asked(200, SECOND)):
        found += notices(analyser, [entry])
        query = str(entry.log.fields["query"])
        found += notices(analyser, [dns(BEGIN + number * SECOND, query, source=RESOLVER, server="9.9.9.9")])
    assert [log.fields["src"] for log in found] == [STATION]


def test_a_name_server_that_has_nobody_behind_it_asks_for_itself() -> None:
    analyser = DnsTunnel()
    notices(analyser, [dns(BEGIN, "www.example.com")])
    found = notices(analyser, asked(100, SECOND, source=RESOLVER, server="9.9.9.9"))
    assert [log.fields["src"] for log in found] == [RESOLVER]


def test_memory_is_bounded() -> None:
    analyser = DnsTunnel()
    notices(analyser, asked(3 * MOST_NAMES, SECOND // 100))
    notices(analyser, [dns(BEGIN, f"{encoded(20)}.d{n}.example") for n in range(MOST_TALKS + 50)])
    assert len(analyser._talks) == MOST_TALKS
    assert all(len(talk.names) <= MOST_NAMES for _, talk in analyser._talks.items())


def test_a_tunnel_in_packets_is_noticed() -> None:
    packets = []
    for number in range(NAMES):
        name = f"{encoded(30)}.{ZONE}"
        there = Ether() / IP(src=STATION, dst=RESOLVER) / UDP(sport=40_000, dport=53)
        back = Ether() / IP(src=RESOLVER, dst=STATION) / UDP(sport=53, dport=40_000)
        question = DNSQR(qname=name, qtype="TXT")
        packets.append(there / DNS(id=number, qd=question))
        answer = DNSRR(rrname=name, type="TXT", rdata="dalej")
        packets.append(back / DNS(id=number, qr=1, qd=question, an=answer))
    watch = Watch(PROTOCOLS, analysers=[DnsTunnel()])
    found = [entry for entry in watch.take(batch(packets)) if entry.log.path == "notice"]
    assert [entry.log.fields["note"] for entry in found] == ["DNS::Tunnel"]
    assert found[0].flow is not None
    assert found[0].flow.orig_h == STATION
