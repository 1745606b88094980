"""A search that takes its time, and programs that find computers off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collector.analysers.slow_scan import BURST, MOST_FEW, MOST_MANY, MOST_PAIRS, MOST_REACHED, PAIRS, SlowScan
from collector.heads.head import Entry
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, HOUR, MINUTE, SECOND, STATION, again, conn, notices, rules
from tests.collector.packets import NOON, batch, scan


def failed(at: int, target: str, port: int = 445, state: str = "S0", source: str = STATION) -> Entry:
    return conn(at, target, port, source=source, conn_state=state, sent=0, got=0)


def sweep(count: int, gap: int, begin: int = BEGIN, source: str = STATION) -> Iterator[Entry]:
    for number in range(count):
        target = f"192.168.{20 + number // 250}.{number % 250 + 1}"
        yield failed(begin + number * gap, target, state=("S0", "REJ")[number % 2], source=source)


def test_a_slow_sweep_is_noticed_once_a_day() -> None:
    analyser = SlowScan()
    noticed = notices(analyser, sweep(90, 20 * MINUTE))
    assert [log.fields["note"] for log in noticed] == ["Scan::Slow"]
    fields = noticed[0].fields
    assert (fields["src"], fields["n"], fields["hosts"], fields["ports"]) == (STATION, PAIRS, PAIRS, 1)
    assert rules(noticed) == {"zeek_notice_scan_slow"}
    assert len(notices(analyser, sweep(60, 20 * MINUTE, BEGIN + 2 * DAY))) == 1


def test_ports_of_one_computer_are_the_same_notice() -> None:
    ports = [failed(BEGIN + n * 10 * MINUTE, "192.168.10.9", 1 + n) for n in range(60)]
    (noticed,) = notices(SlowScan(), [*sweep(20, MINUTE), *ports])
    assert (noticed.fields["hosts"], noticed.fields["ports"]) == (21, PAIRS - 19)
    (noticed,) = notices(SlowScan(), ports)
    assert (noticed.fields["dst"], noticed.fields["ports"]) == ("192.168.10.9", PAIRS)


def test_a_fast_scan_is_the_correlations_until_it_slows_down() -> None:
    analyser = SlowScan()
    assert notices(analyser, sweep(200, SECOND)) == []
    assert notices(analyser, [failed(BEGIN + n * SECOND, "192.168.10.9", 1 + n) for n in range(200)]) == []
    assert len(notices(analyser, sweep(3, MINUTE, BEGIN + 3 * HOUR))) == 1
    five_ports = [failed(BEGIN + n * SECOND, f"192.168.10.{n // 5}", n % 5) for n in range(60)]
    assert len(notices(SlowScan(), five_ports)) == 1


def test_what_was_tried_outlives_a_restart() -> None:
    analyser = SlowScan()
    assert notices(analyser, sweep(PAIRS - 5, 10 * MINUTE)) == []
    assert len(notices(again(analyser, SlowScan()), sweep(PAIRS, 10 * MINUTE))) == 1


def test_fewer_than_that_in_a_day_are_not_noticed() -> None:
    assert notices(SlowScan(), sweep(300, DAY // (PAIRS - 5))) == []


def test_a_program_that_finds_computers_off_at_night_is_harmless() -> None:
    analyser, found = SlowScan(), []
    for hour in range(24 * 4):
        off = hour % 24 >= 16
        for number in range(60):
            at, target = BEGIN + hour * HOUR + number * SECOND, f"192.168.10.{number + 100}"
            found += notices(analyser, [failed(at, target) if off else conn(at, target, 445)])
    assert found == []


def test_an_inventory_that_mostly_succeeds_is_harmless() -> None:
    analyser = SlowScan()
    for number in range(200):
        at = BEGIN + number * MINUTE
        one = [conn(at, f"192.168.30.{number}", port) for port in (135, 445)]
        assert notices(analyser, [*one, failed(at, f"192.168.30.{number}", 5985)][: 2 + number % 2]) == []


def test_other_failures_are_harmless() -> None:
    analyser = SlowScan()
    again_and_again = [failed(BEGIN + n * SECOND, f"192.168.10.{n % 20}") for n in range(5000)]
    outside = [failed(BEGIN + n * SECOND, f"185.1.{n // 250}.{n % 250}") for n in range(500)]
    from_outside = [failed(BEGIN + n * SECOND, f"192.168.10.{n % 250}", n, source="185.1.1.1") for n in range(500)]
    closed = [conn(BEGIN + n, f"192.168.12.{n}", conn_state="RSTO") for n in range(200)]
    assert notices(analyser, [*again_and_again, *outside, *from_outside, *closed]) == []


def test_a_flood_with_invented_sources_fills_nothing_and_hides_nobody() -> None:
    analyser = SlowScan()
    assert notices(analyser, sweep(PAIRS - 1, MINUTE)) == []
    for number in range(2 * MOST_FEW):
        source = f"192.168.{100 + (number >> 8)}.{number & 255}"
        assert notices(analyser, [failed(BEGIN + 2 * HOUR + number, "192.168.10.80", 80, source=source)]) == []
    assert (len(analyser._few), len(analyser._many)) == (MOST_FEW, 1)
    assert len(notices(analyser, sweep(PAIRS, MINUTE, BEGIN + 3 * HOUR))) == 1


def test_a_flood_of_sources_that_try_much_is_told_a_few_times() -> None:
    analyser, found = SlowScan(), []
    sources = [f"192.168.{100 + (number >> 8)}.{number & 255}" for number in range(MOST_MANY - 30)]
    for number in range(PAIRS + 5):
        at, target = BEGIN + number * 22 * SECOND, f"192.168.20.{number}"
        found += notices(analyser, [failed(at, target, source=source) for source in sources])
    assert len(found) == BURST


def test_memory_is_bounded() -> None:
    analyser = SlowScan()
    for number in range(MOST_MANY + 30):
        source = f"192.168.{100 + (number >> 8)}.{number & 255}"
        notices(analyser, sweep(MOST_PAIRS + 20 if number > MOST_MANY else 5, 1, BEGIN, source))
    assert len(analyser._many) == MOST_MANY
    assert max(len(pairs) for _, pairs in analyser._many.items()) == MOST_PAIRS
    assert len(str(analyser.memory())) < 200_000


def test_doors_that_were_reached_are_bounded() -> None:
    analyser = SlowScan()
    notices(analyser, sweep(10, SECOND))
    for number in range(MOST_REACHED + 100):
        target = f"192.168.{number >> 8 & 255}.{number & 255}"
        notices(analyser, [conn(BEGIN, target, 1000 + (number >> 16))])
    notices(analyser, [conn(BEGIN, "192.168.10.9", port) for port in range(300)])
    assert len(analyser._reached) == MOST_REACHED
    assert len(analyser._successes.get(STATION) or ()) <= MOST_PAIRS


@pytest.mark.parametrize("memory", [[], {"tried": 5}, {"tried": {"a": {"b": 1}}}, {"tried": {"a": {"b 1": "x"}}}])
def test_memory_that_is_none_is_refused(memory: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        SlowScan().recall(memory)  # type: ignore[arg-type]  # it is what must be refused


def test_a_slow_scan_in_packets_is_noticed() -> None:
    frames = scan(STATION, "192.168.10.9", range(1, PAIRS + 2))
    times = [NOON + place // 2 * 600 * 1_000_000_000 + place % 2 for place in range(len(frames))]
    watch = Watch((), analysers=[SlowScan()])
    logs = [*watch.take(batch(frames, times)), *watch.finish()]
    assert [one.log.fields["note"] for one in logs if one.log.path == "notice"] == ["Scan::Slow"]
