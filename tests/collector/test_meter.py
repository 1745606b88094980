"""What the sensor says about its traffic."""

from __future__ import annotations

import pytest

from collector.meter import ENOUGH, Counts, Meter
from collector.watch import Watch
from tests.collector.flows.packets import tcp
from tests.collector.packets import batch

SECOND = 1_000_000_000


def _ended(meter: Meter, count: int, orig: int, resp: int, proto: str = "tcp", history: str = "SADF") -> None:
    for _ in range(count):
        meter.ended({"proto": proto, "orig_pkts": orig, "resp_pkts": resp, "history": history})


def _state(meter: Meter) -> tuple[int | None, bool]:
    return meter.share, meter.one_way


def test_rates_are_those_since_the_last_question_and_drops_are_all() -> None:
    meter = Meter(0)
    assert meter.figures(Counts(100, 5000, 0), 10 * SECOND) == {"frames": 10, "bits": 4000, "drops": 0}
    assert meter.figures(Counts(140, 5000, 7), 12 * SECOND) == {"frames": 20, "bits": 0, "drops": 7}


def test_a_mirror_of_one_direction_is_seen_and_seen_to_be_mended() -> None:
    meter = Meter(0)
    _ended(meter, ENOUGH - 1, 3, 0)
    assert _state(meter) == (None, False)
    _ended(meter, 50, 1, 1, proto="udp", history="Dd")
    assert _state(meter) == (None, False)
    _ended(meter, 1, 0, 3)
    assert _state(meter) == (0, True)
    assert meter.figures(Counts(), SECOND)["two_way"] == 0
    _ended(meter, ENOUGH, 3, 2)
    assert _state(meter) == (100, False)


@pytest.mark.parametrize("history", ["S", "SR", "R", "^r", "F", "A", "", "^h"])
def test_attempts_that_nobody_answers_say_nothing_of_the_mirror(history: str) -> None:
    meter = Meter(0)
    _ended(meter, 5 * ENOUGH, 1, 0, history=history)
    assert _state(meter) == (None, False)
    _ended(meter, ENOUGH, 3, 3, history="ShADadFf")
    assert _state(meter) == (100, False)


@pytest.mark.parametrize("history", ["SA", "SAF", "SADF", "D", "^had", "^hf", "d"])
def test_half_of_a_talk_is_that_of_a_mirror_of_one_direction(history: str) -> None:
    meter = Meter(0)
    _ended(meter, ENOUGH, 3, 0, history=history)
    assert _state(meter) == (0, True)


def test_a_scan_of_computers_that_are_off_is_no_mirror_of_one_direction() -> None:
    meter, watch = Meter(0), Watch(())
    scan = [tcp("S", port=1000 + port) for port in range(3 * ENOUGH)]
    for entry in [*watch.take(batch(scan)), *watch.finish()]:
        meter.ended(entry.log.fields)
    assert _state(meter) == (None, False)
