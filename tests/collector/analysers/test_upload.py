"""A computer's own days, and a day that is none of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from collector.analysers.upload import DAYS, FLOOR, HISTORY, MOST_HOSTS, MOST_TARGETS, Days, Upload
from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, FAR, HOUR, MINUTE, STATION, again, conn, notices, rules
from tests.collector.packets import NOON, batch

MB = 1_000_000


def days(count: int, mega: int = 30, source: str = STATION) -> Iterator[Entry]:
    """Working days of small uploads."""
    chance = random.Random(count)
    for day in range(count):
        for hour in range(8):
            at = BEGIN + day * DAY + hour * HOUR
            yield conn(at, sent=mega * MB // 8 + chance.randint(0, MB), got=9000, source=source)


def test_a_day_far_above_all_others_is_noticed_once() -> None:
    analyser = Upload()
    assert notices(analyser, days(DAYS)) == []
    out = [conn(BEGIN + DAYS * DAY + n * MINUTE, "185.9.9.9", sent=60 * MB, got=5000) for n in range(20)]
    noticed = notices(again(analyser, Upload()), out)
    assert [log.fields["note"] for log in noticed] == ["Conn::Upload_Above_Usual"]
    fields = noticed[0].fields
    assert (fields["src"], fields["sub"], fields["days"]) == (STATION, "185.9.9.9", DAYS)
    assert isinstance(fields["n"], int)
    assert FLOOR < fields["n"] <= FLOOR + 60 * MB
    assert rules(noticed) == {"zeek_notice_conn_upload"}


def test_a_long_connection_counts_once_and_while_it_lasts() -> None:
    analyser = Upload()
    notices(analyser, days(DAYS))
    start = BEGIN + DAYS * DAY
    so_far = [
        conn(start + n * 10 * MINUTE, sent=n * 50 * MB, got=5000, seconds=n * 600.0, path="conn_long", uid="CL")
        for n in range(1, 9)
    ]
    (noticed,) = notices(analyser, so_far)
    assert noticed.fields["n"] == 350 * MB
    notices(analyser, [conn(start, sent=410 * MB, got=5000, seconds=4900.0, uid="CL")])
    found = analyser._hosts.get(STATION)
    assert found is not None
    assert found.today == 410 * MB


def test_the_target_is_the_one_that_got_most_by_its_name() -> None:
    analyser = Upload()
    notices(analyser, days(DAYS))
    one = conn(BEGIN + DAYS * DAY, sent=500 * MB, got=100)
    named = Entry(Log("ssl", one.log.at, {"server_name": "Paczki.Example"}), one.uid, one.flow)
    (noticed,) = notices(analyser, [named, one])
    assert noticed.fields["sub"] == "paczki.example"


def test_before_there_are_days_nothing_is_said() -> None:
    analyser = Upload()
    notices(analyser, days(DAYS - 1))
    assert notices(analyser, [conn(BEGIN + (DAYS - 1) * DAY, sent=5000 * MB, got=5)]) == []


def test_a_computer_that_always_sends_much_is_as_usual() -> None:
    analyser = Upload()
    assert notices(analyser, days(20, mega=2000)) == []
    assert notices(analyser, [conn(BEGIN + 20 * DAY, sent=3900 * MB, got=5)]) == []


def test_a_weekly_backup_is_learnt() -> None:
    analyser, found = Upload(), []
    for day in range(42):
        sent = 900 * MB if day % 7 == 6 else 20 * MB
        noticed = notices(analyser, [conn(BEGIN + day * DAY, sent=sent, got=5000)])
        found += [day for _ in noticed]
    assert found == [6, 13]


def test_calls_downloads_and_traffic_inside_are_harmless() -> None:
    analyser = Upload()
    notices(analyser, days(DAYS))
    at = BEGIN + DAYS * DAY
    call = conn(at, port=3478, sent=900 * MB, got=1400 * MB)
    download = conn(at, sent=20 * MB, got=9000 * MB)
    backup = conn(at, "192.168.10.9", 445, sent=9000 * MB, got=MB)
    visitors = conn(at, STATION, 443, source="185.1.1.1", sent=9000 * MB, got=MB)
    unanswered = conn(at, sent=9000 * MB, got=0)
    lying = conn(at, sent=9000 * MB, got=10, orig_ip_bytes=5000)
    assert notices(analyser, [call, download, backup, visitors, unanswered, lying]) == []


def test_logs_of_the_day_before_do_not_turn_the_day_back() -> None:
    one = Days(7)
    for day, count in ((8, 5), (7, 4), (8, 3), (9, 1)):
        one.take(day, count, "a")
    assert (one.day, one.today, one.before) == (9, 1, [12])


def test_a_clock_that_was_far_ahead_stops_no_day() -> None:
    one = Days(7)
    for day in (7, 900_000, 8, 9):
        one.take(day, 5, "a")
    assert (one.day, one.before) == (9, [5, 5, 5])


def test_memory_is_bounded() -> None:
    analyser = Upload()
    for number in range(MOST_HOSTS + 20):
        source = f"192.168.{number >> 8}.{number & 255}"
        notices(analyser, [conn(BEGIN, f"185.1.1.{n}", sent=MB, got=9, source=source) for n in range(3)])
    notices(analyser, [conn(BEGIN + n * DAY, f"185.1.{n}.1", sent=MB, got=9) for n in range(HISTORY * 2)])
    notices(analyser, [conn(BEGIN + HISTORY * 3 * DAY, f"185.2.{n}.1", sent=MB, got=9) for n in range(99)])
    assert len(analyser._hosts) == MOST_HOSTS
    found = analyser._hosts.get(STATION)
    assert found is not None
    assert len(found.before) == HISTORY
    assert len(found.targets) == MOST_TARGETS
    assert len(str(analyser.memory())) < 300_000


@pytest.mark.parametrize("memory", [[], {"hosts": [["a"]]}, {"hosts": [["a", "x", 1, []]]}, {"hosts": 1}])
def test_memory_that_is_none_is_refused(memory: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Upload().recall(memory)  # type: ignore[arg-type]  # it is what must be refused


def test_an_upload_in_packets_is_noticed() -> None:
    analyser = Upload()
    day = NOON // 1000 + DAYS * DAY
    notices(analyser, [*days(DAYS), conn(day, sent=FLOOR - 4000, got=100)])
    there = Ether() / IP(src=STATION, dst=FAR) / UDP(sport=40_000, dport=443) / (b"x" * 1400)
    back = Ether() / IP(src=FAR, dst=STATION) / UDP(sport=443, dport=40_000) / b"y"
    packets = [there, back, there, there]
    watch = Watch((), analysers=[analyser])
    times = [day * 1000 + place * 1_000_000 for place in range(len(packets))]
    logs = [*watch.take(batch(packets, times)), *watch.finish()]
    assert [one.log.fields["n"] for one in logs if one.log.path == "notice"] == [FLOOR + 200]
