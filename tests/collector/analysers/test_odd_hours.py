"""A computer's own hours, and data that leave at none of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from collector.analysers.odd_hours import BYTES, DAYS, MOST_DAYS, MOST_HOSTS, Habits, OddHours
from collector.heads.head import Entry
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, FAR, HOUR, MINUTE, SECOND, STATION, again, conn, notices, rules
from tests.collector.packets import batch

MIDNIGHT = BEGIN - BEGIN % DAY
NIGHT = MIDNIGHT + DAYS * DAY + HOUR


def office(count: int, first: int = 7, last: int = 15, source: str = STATION) -> Iterator[Entry]:
    for day in range(count):
        for hour in range(first, last):
            yield conn(MIDNIGHT + day * DAY + hour * HOUR + 5 * MINUTE, source=source)


def sending(at: int, mega: int = 24, source: str = STATION) -> Iterator[Entry]:
    for number in range(mega // 4):
        yield conn(at + number * MINUTE, sent=4_000_000, got=9000, source=source)


def test_data_at_night_from_a_computer_of_the_day_is_noticed_once() -> None:
    analyser = OddHours()
    assert notices(analyser, office(DAYS)) == []
    noticed = notices(again(analyser, OddHours()), sending(NIGHT, 80))
    assert [log.fields["note"] for log in noticed] == ["Conn::Odd_Hours"]
    fields = noticed[0].fields
    assert (fields["src"], fields["hour"], fields["days"], fields["n"]) == (STATION, 1, DAYS, BYTES)
    assert rules(noticed) == {"zeek_notice_conn_odd_hours"}


def test_a_long_connection_is_noticed_while_it_lasts() -> None:
    analyser = OddHours()
    notices(analyser, office(DAYS))
    so_far = [
        conn(NIGHT + n * 10 * MINUTE, sent=n * 9_000_000, got=99, path="conn_long", uid="CL", seconds=n * 600.0)
        for n in range(1, 4)
    ]
    assert len(notices(analyser, so_far)) == 1


@pytest.mark.parametrize("hour", [5, 6, 7, 12, 15, 16])
def test_overtime_and_an_early_morning_are_harmless(hour: int) -> None:
    analyser = OddHours()
    notices(analyser, office(DAYS))
    assert notices(analyser, sending(NIGHT - HOUR + hour * HOUR, 80)) == []


def test_a_computer_that_is_left_on_and_one_that_is_new_have_no_odd_hours() -> None:
    left_on, new = OddHours(), OddHours()
    notices(left_on, office(DAYS, 0, 24))
    notices(new, office(DAYS - 2))
    assert notices(left_on, sending(NIGHT, 80)) == []
    assert notices(new, sending(NIGHT, 80)) == []


def test_a_servers_nightly_backup_is_its_habit() -> None:
    analyser, found = OddHours(), []
    for day in range(30):
        found += notices(analyser, sending(MIDNIGHT + day * DAY + 2 * HOUR, 400))
    assert found == []


def test_a_computer_turned_on_at_night_that_only_updates_is_harmless() -> None:
    analyser = OddHours()
    notices(analyser, office(DAYS))
    updates = [conn(NIGHT + n * SECOND, sent=40_000, got=9_000_000) for n in range(900)]
    assert notices(analyser, updates) == []
    assert notices(analyser, sending(NIGHT, 16)) == []


def test_a_habit_that_was_given_up_is_forgotten() -> None:
    habits = Habits(0)
    habits.take(2 * HOUR, 1)
    for day in range(1, 2 * MOST_DAYS):
        habits.take(day * DAY + 12 * HOUR, 1)
    assert habits.days <= MOST_DAYS
    assert habits.odd(2)
    assert not habits.odd(12)


def test_a_clock_that_was_far_ahead_stops_no_day() -> None:
    habits = Habits(7)
    for day in (7, 900_000, 8, 9):
        habits.take(day * DAY + HOUR, 1)
    assert (habits.day, habits.days, habits.hours[1]) == (9, 3, 3)


def test_memory_is_bounded() -> None:
    analyser = OddHours()
    for number in range(MOST_HOSTS + 20):
        notices(analyser, [conn(BEGIN, source=f"192.168.{number >> 8}.{number & 255}")])
    assert len(analyser._hosts) == MOST_HOSTS
    assert len(str(analyser.memory())) < 300_000


@pytest.mark.parametrize("memory", [[], {"hosts": [["a"]]}, {"hosts": [["a", 1, 1, [1], 1]]}, {"hosts": 1}])
def test_memory_that_is_none_is_refused(memory: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        OddHours().recall(memory)  # type: ignore[arg-type]  # it is what must be refused


def test_data_at_night_in_packets_are_noticed() -> None:
    analyser = OddHours()
    notices(analyser, office(DAYS))
    notices(analyser, [conn(NIGHT, sent=BYTES - 4000, got=100)])
    there = Ether() / IP(src=STATION, dst=FAR) / UDP(sport=40_000, dport=443) / (b"x" * 1400)
    back = Ether() / IP(src=FAR, dst=STATION) / UDP(sport=443, dport=40_000) / b"y"
    packets = [there, back, there, there]
    times = [NIGHT * 1000 + place * 1_000_000 for place in range(len(packets))]
    watch = Watch((), analysers=[analyser])
    logs = [*watch.take(batch(packets, times)), *watch.finish()]
    assert [one.log.fields["note"] for one in logs if one.log.path == "notice"] == ["Conn::Odd_Hours"]
