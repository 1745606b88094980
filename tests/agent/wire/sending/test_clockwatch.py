"""A clock that was set and a machine that slept are two things, and a quiet hour is neither."""

from __future__ import annotations

import time

import pytest

from agent.wire.sending.clockwatch import TOLERANCE, ClockWatch, Jump, awake, since_boot


class Machine:
    """Three clocks that time, sleep and people move."""

    def __init__(self) -> None:
        self.wall, self.boot, self.awake = 1_790_000_000.0, 5000.0, 4000.0
        self.watch = ClockWatch(lambda: self.wall, lambda: self.boot, lambda: self.awake)

    def passes(self, seconds: float, *, asleep: bool = False) -> None:
        self.wall += seconds
        self.boot += seconds
        self.awake += 0 if asleep else seconds


@pytest.mark.parametrize(
    ("awake", "asleep", "set_by", "told"),
    [
        (3600, 0, 0, Jump(0, 0)),
        (30, 8 * 3600, 0, Jump(0, 8 * 3600)),
        (30, 0, 3600, Jump(3600, 0)),
        (30, 0, -86_400, Jump(-86_400, 0)),
        (30, 600, 50, Jump(50, 600)),
        (30, 0, TOLERANCE / 2, Jump(0, 0)),
        (30, TOLERANCE / 2, 0, Jump(0, 0)),
    ],
    ids=["quiet", "a night", "ahead", "back", "both", "discipline", "a blink"],
)
def test_each_is_told_for_what_it_is(awake: float, asleep: float, set_by: float, told: Jump) -> None:
    machine = Machine()
    machine.passes(awake)
    machine.passes(asleep, asleep=True)
    machine.wall += set_by
    found = machine.watch.look()
    assert found == pytest.approx(told)
    machine.passes(awake)
    assert machine.watch.look() == Jump(0, 0)


def test_the_clocks_of_this_machine_agree() -> None:
    assert ClockWatch().look() == Jump(0, 0)
    assert since_boot() >= time.monotonic() - 1.0
    assert awake() <= since_boot() + 1.0


def test_a_process_that_stands_still_between_two_clocks_has_seen_no_jump() -> None:
    machine = Machine()
    stalls: list[float] = []

    def boot() -> float:
        told = machine.boot
        machine.passes(stalls.pop() if stalls else 0.0)
        return told

    watch = ClockWatch(lambda: machine.wall, boot, lambda: machine.awake)
    stalls.append(5.0)
    assert watch.look() == pytest.approx(Jump(0, 0))
