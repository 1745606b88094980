"""A search for computers: by ARP, pings and datagrams; and who asks for many without searching."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether

from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND
from collector.analysers.sweep import BURST, MANY, MANY_UNLEARNED, MOST, MOST_EACH, Sweep
from collector.heads.head import Entry
from collector.protocols.model import Flow
from tests.collector.analysers.logs import rules
from tests.collector.analysers.seen import entry, notices, watched

STATION, CARD, ROUTER = "10.0.0.31", "00:1b:78:00:00:31", "00:0c:42:00:00:01"


def asks(at: int, target: str, source: str = STATION, card: str = CARD) -> Entry:
    return entry("arp", at, op="request", src_ip=source, src_mac=card, dst_ip=target, dst_mac="00:00:00:00:00:00")


def answers(at: int, source: str, card: str = "00:1b:78:00:00:77") -> Entry:
    return entry("arp", at, op="reply", src_ip=source, src_mac=card, dst_ip=STATION, dst_mac=CARD)


def sweep(count: int, source: str = STATION, card: str = CARD, begin: int = 0, apart: int = SECOND) -> Iterator[Entry]:
    for number in range(count):
        yield asks(begin + number * apart, f"10.0.{1 + number // 250}.{number % 250 + 1}", source, card)


def quiet(at: int) -> Entry:
    """A log that tells only that time goes by."""
    return asks(at, STATION)


def test_a_search_of_the_network_by_arp_is_noticed_in_packets() -> None:
    ask = Ether(src=CARD, dst="ff:ff:ff:ff:ff:ff")
    packets = [ask / ARP(op=1, hwsrc=CARD, psrc=STATION, pdst=f"10.0.0.{number}") for number in range(1, 255)]
    (found,) = watched([Sweep()], packets, 0.05)
    assert (found["note"], found["src"]) == ("Scan::Sweep", STATION)
    assert int(str(found["n"])) >= MANY_UNLEARNED


@pytest.mark.parametrize("layer", [ICMP(), UDP(sport=40_000, dport=161)], ids=["ping", "datagram"])
def test_a_search_behind_a_router_is_noticed_in_packets(layer: ICMP | UDP) -> None:
    there = Ether(src=CARD, dst=ROUTER)
    packets = [there / IP(src=STATION, dst=f"10.0.9.{number}") / layer for number in range(1, 255)]
    (found,) = watched([Sweep()], packets, 0.05)
    assert (found["note"], found["src"]) == ("Scan::Sweep", STATION)


def test_it_is_told_once_a_week_and_a_rule_reads_it() -> None:
    analyser = Sweep()
    told = [notices(analyser, [*sweep(200, begin=n * DAY), quiet(n * DAY + HOUR)]) for n in range(8)]
    assert [len(one) for one in told] == [1, 0, 0, 0, 0, 0, 0, 1]
    made = Sweep()
    assert rules([log for one in sweep(200) for log in (*made.see(one), *made.tick(one.log.at))]) == {
        "zeek_notice_scan_sweep"
    }


def test_after_an_hour_fewer_are_enough() -> None:
    early, late = list(sweep(40)), list(sweep(40, begin=3 * HOUR))
    watching = [quiet(n * MINUTE) for n in range(179)]
    assert notices(Sweep(), [*early, quiet(MINUTE)]) == []
    (found,) = notices(Sweep(), [*watching, *late, quiet(4 * HOUR)])
    assert MANY <= int(str(found["n"])) < 40  # told when the thirtieth has had its time to answer


def _known(analyser: Sweep, count: int) -> Sweep:
    assert notices(analyser, [answers(n, f"10.0.{1 + n // 250}.{n % 250 + 1}") for n in range(count)]) == []
    return analyser


def test_computers_that_are_off_are_not_nobody() -> None:
    asked = [*sweep(250, begin=2 * DAY), quiet(2 * DAY + HOUR)]
    assert notices(_known(Sweep(), 250), asked) == []
    before, after = _known(Sweep(), 250), Sweep()
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    assert notices(after, asked) == []
    assert len(notices(_known(Sweep(), 250), [*sweep(250, begin=9 * DAY), quiet(9 * DAY + HOUR)])) == 1


def test_computers_that_answer_at_once_are_not_nobody() -> None:
    asked = [
        one
        for number in range(250)
        for one in (
            asks(number * 1000, f"10.0.1.{number}"),
            answers(number * 1000 + 200, f"10.0.1.{number}"),
        )
    ]
    assert notices(Sweep(), [*asked, quiet(MINUTE)]) == []


def out(number: int) -> Entry:
    flow = Flow(STATION, 50_000, "203.0.113.9", 443, "tcp")
    return entry("conn", number, flow, local_orig=True, local_resp=False, resp_pkts=5, resp_l2_addr=ROUTER)


@pytest.mark.parametrize(
    "logs",
    [
        [*map(out, range(20)), *sweep(250, "10.0.0.1", ROUTER, begin=MINUTE)],
        [entry("dhcp", 0, msg_types=["OFFER"], server_addr="10.0.0.2"), *sweep(250, "10.0.0.2")],
        [*sweep(25), *sweep(25, begin=HOUR)],
        list(sweep(58, apart=5 * MINUTE)),
        [one for n in range(20) for one in sweep(10, f"10.0.0.{n}")],
        list(sweep(250, "0.0.0.0")),
        [asks(n * SECOND, f"10.0.1.{n % 20}") for n in range(1000)],
    ],
    ids=["router", "DHCP server", "a few", "slowly", "stations with old printers", "probes", "the same again"],
)
def test_what_an_office_does_anyway_is_not_noticed(logs: list[Entry]) -> None:
    watching = [quiet(n * MINUTE - 2 * HOUR) for n in range(119)]
    assert notices(Sweep(), [*watching, *logs, quiet(DAY)]) == []


@pytest.mark.parametrize(
    ("flow", "fields"),
    [
        (Flow(STATION, 53, "10.0.9.{}", 50_000, "udp"), {}),
        (Flow(STATION, 50_000, "10.0.9.{}", 161, "udp"), {"resp_pkts": 1}),
        (Flow(STATION, 50_000, "10.0.9.{}", 137, "udp"), {"resp_l2_addr": "ff:ff:ff:ff:ff:ff"}),
        (Flow(STATION, 3, "10.0.9.{}", 3, "icmp"), {}),
        (Flow(STATION, 8, "10.0.9.{}", 0, "icmp"), {"resp_pkts": 1}),
        (Flow(STATION, 8, "10.0.9.{}", 0, "icmp"), {"local_orig": False}),
    ],
    ids=["late answers", "answered", "broadcast", "unreachable", "monitoring", "from outside"],
)
def test_other_packets_are_no_search(flow: Flow, fields: dict[str, int | bool | str]) -> None:
    said = {"local_orig": True, "local_resp": True, "resp_pkts": 0, **fields}
    logs = [entry("conn", n, replace(flow, resp_h=flow.resp_h.format(n)), **said) for n in range(250)]
    assert notices(Sweep(), [*logs, quiet(HOUR)]) == []


def test_a_flood_of_invented_sources_is_bounded_and_told_a_few_times() -> None:
    analyser, found = Sweep(), 0
    for number in range(2 * MOST):
        source = f"10.9.{number >> 8}.{number & 255}"
        found += len(notices(analyser, sweep(80, source, begin=number, apart=1)))
    found += len(notices(analyser, [quiet(MINUTE)]))
    assert found == BURST
    assert len(analyser._asked) <= MOST
    assert len(notices(Sweep(), [*sweep(3 * MOST_EACH, apart=1), quiet(MINUTE)])) == 1
