"""Connections that last for hours, to targets of one computer and to those of many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from collector.analysers.long import HOURS, LongConnection
from collector.analysers.targets import MOST_FLOWS, MOST_TARGETS
from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, FAR, HOUR, MINUTE, SECOND, STATION, again, conn, notices, rules
from tests.collector.packets import NOON, batch

NAME = "tunel.example"


def lasting(hours: float, name: str = "", source: str = STATION, at: int = BEGIN) -> Iterator[Entry]:
    """A connection as it is told every ten minutes and when it ends."""
    one = conn(at, source=source, seconds=hours * 3600, sent=9_000, got=90_000)
    if name:
        yield Entry(Log("ssl", at, {"server_name": name}), one.uid, one.flow)
    for number in range(1, int(hours * 6) + 1):
        now = at + number * 10 * MINUTE
        seconds = number * 600.0
        yield conn(now, path="conn_long", source=source, uid=one.uid, seconds=seconds, sent=9_000, got=90_000)
    yield one


def test_a_connection_of_hours_is_noticed_while_it_lasts_and_once() -> None:
    analyser = LongConnection()
    noticed = notices(analyser, lasting(9, NAME))
    assert [(log.fields["note"], log.fields["sub"], log.fields["n"]) for log in noticed] == [
        ("Conn::Long", NAME, HOURS * 3600)
    ]
    assert noticed[0].at == BEGIN + HOURS * HOUR
    assert rules(noticed) == {"zeek_notice_conn_long"}
    assert notices(again(analyser, LongConnection()), lasting(9, NAME, at=BEGIN + DAY)) == []


def test_one_that_is_only_told_at_its_end_is_noticed() -> None:
    (noticed,) = notices(LongConnection(), [conn(BEGIN, seconds=HOURS * 3600 + 5.0)])
    assert (noticed.at, noticed.fields["sub"]) == (BEGIN + HOURS * HOUR + 5 * SECOND, FAR)


@pytest.mark.parametrize("name", ["client.wns.windows.com", "mtalk.google.com", "courier.push.apple.com", "us.zoom.us"])
def test_services_that_keep_a_connection_are_harmless(name: str) -> None:
    assert notices(LongConnection(), lasting(20, name)) == []


def test_a_target_that_another_computer_uses_too_is_harmless_also_after_a_restart() -> None:
    analyser = LongConnection()
    notices(analyser, [*lasting(0.5, NAME), *lasting(0.5, NAME, "192.168.10.32")])
    assert notices(analyser, lasting(20, NAME)) == []
    assert notices(again(analyser, LongConnection()), lasting(20, NAME)) == []


def test_shorter_ones_and_those_inside_are_harmless() -> None:
    assert notices(LongConnection(), lasting(HOURS - 0.2, NAME)) == []
    inside = [conn(BEGIN, "192.168.10.9", 445, seconds=90_000.0), conn(BEGIN, seconds=90_000.0, got=0)]
    visitor = conn(BEGIN, STATION, 443, source="185.1.1.1", seconds=90_000.0)
    assert notices(LongConnection(), [*inside, visitor]) == []


def test_memory_is_bounded() -> None:
    analyser = LongConnection()
    for number in range(MOST_TARGETS + 50):
        target = f"185.{number >> 8 & 255}.{number & 255}.1"
        one = conn(BEGIN, target)
        notices(analyser, [Entry(Log("ssl", BEGIN, {"server_name": target}), f"C{number}x", one.flow), one])
    assert len(analyser._users._users) == MOST_TARGETS
    assert len(analyser._names._flows) == MOST_FLOWS
    assert len(str(analyser.memory())) < 300_000


def test_a_long_connection_in_packets_is_noticed() -> None:
    there = Ether() / IP(src=STATION, dst=FAR) / TCP(sport=40_000, dport=8443, flags="PA", seq=1, ack=1)
    back = Ether() / IP(src=FAR, dst=STATION) / TCP(sport=8443, dport=40_000, flags="PA", seq=1, ack=1)
    packets, times = [], []
    for number in range(HOURS * 3600 // 240 + 4):
        there[TCP].seq = back[TCP].seq = there[TCP].ack = back[TCP].ack = 1 + number
        packets += [there.copy() / b"x", back.copy() / b"y"]
        times += [NOON + number * 240 * 1_000_000_000 + place for place in range(2)]
    watch = Watch((), analysers=[LongConnection()])
    logs = [one.log for one in watch.take(batch(packets, times)) if one.log.path == "notice"]
    assert [log.fields["note"] for log in logs] == ["Conn::Long"]
