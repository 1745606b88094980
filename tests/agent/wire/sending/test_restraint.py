"""Reading less by what waits and by what the process uses; and what it may use."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.wire.sending import footprint
from agent.wire.sending.care import Care, Meter, change_fields
from agent.wire.sending.footprint import Limits, limits
from agent.wire.sending.restraint import CALM_ROUNDS, CORE, MEMORY, Bounds, Change, Restraint, Usage, bounds
from agent.wire.sending.watchdog import Watchdog

FINE, FAT = Usage(20 << 20, 0.01), Usage(60 << 20, 0.01)


def restraint() -> Restraint:
    return Restraint(Bounds(MEMORY, CORE))


@pytest.mark.parametrize(
    ("shares", "priorities"),
    [
        ([0.0, 0.7, 0.71, 0.89, 0.91, 1.0], [3, 3, 2, 2, 1, 1]),
        ([1.0, 0.85, 0.79, 0.65, 0.59], [1, 1, 2, 2, 3]),
        ([1.0, 0.0], [1, 3]),
    ],
)
def test_the_spools_marks_have_a_step_between_up_and_down(shares: Sequence[float], priorities: Sequence[int]) -> None:
    one = restraint()
    found = []
    for share in shares:
        one.spool(share)
        found.append(one.priority)
    assert found == priorities


def test_a_change_is_told_once() -> None:
    one = restraint()
    assert one.spool(0.8) == Change(2, "spool", 80, 70)
    assert one.spool(0.8) is None
    assert one.spool(0.1) == Change(3, "spool", 10, 70)


def test_excess_takes_one_grade_a_minute_and_calm_gives_it_back() -> None:
    one = restraint()
    assert one.minute(FINE) is None
    assert one.minute(FAT) == Change(2, "memory", 60 << 20, MEMORY)
    assert one.minute(Usage(20 << 20, 0.5)) == Change(1, "processor", 50, 10)
    back = [one.minute(FINE) for _ in range(2 * CALM_ROUNDS)]
    assert [change.priority for change in back if change] == [2, 3]
    assert not one.exhausted


def test_it_ends_only_after_all_grades_did_not_help_against_memory() -> None:
    one = restraint()
    for _ in range(CALM_ROUNDS):
        one.minute(FAT)
    assert one.priority == 1
    assert not one.exhausted
    one.minute(FAT)
    assert one.exhausted
    busy = restraint()
    for _ in range(100):
        busy.minute(Usage(1, 0.9))
    assert not busy.exhausted, "a busy host is no reason to leave it unwatched"


def test_the_stricter_of_both_reasons_counts() -> None:
    one = restraint()
    one.minute(FAT)
    assert one.spool(0.95) == Change(1, "spool", 95, 70)
    assert one.spool(0.0) == Change(2, "spool", 0, 70)


def test_what_the_system_allows_narrows_the_bounds() -> None:
    assert bounds("linux", None, None) == Bounds(MEMORY, CORE)
    assert bounds("linux", 40 << 20, 0.05) == Bounds(32 << 20, pytest.approx(0.04))
    assert bounds("win32", None, None).memory > MEMORY


def group(folder: Path, place: str, memory: str, cpu: str) -> None:
    made = folder / place
    made.mkdir(parents=True, exist_ok=True)
    (made / "memory.max").write_text(memory)
    (made / "cpu.max").write_text(cpu)


def test_the_narrowest_limit_of_the_groups_around_is_taken(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    proc.mkdir()
    (proc / "cgroup").write_text("1:name=systemd:/x\n0::/system.slice/czujka-agent.service\n")
    group(groups, "system.slice", "104857600\n", "max 100000\n")
    group(groups, "system.slice/czujka-agent.service", "max\n", "10000 100000\n")
    assert limits(proc, groups) == Limits(104857600, 0.1)


@pytest.mark.parametrize("told", ["", "0::/../../etc\n", "0::/gone\n", "nonsense"])
def test_no_group_is_no_limit(tmp_path: Path, told: str) -> None:
    (tmp_path / "cgroup").write_text(told)
    assert limits(tmp_path, tmp_path / "none") == Limits(None, None)


def test_the_process_sees_itself() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert peak / 20 < footprint.memory() <= peak * 1.1
    assert footprint.memory(Path("/nowhere")) == 0
    assert footprint.processor() > 0


class Source:
    """A sensor that can leave its source alone, as far as that goes."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def restrain(self, priority: int) -> None:
        self.heard.append(priority)


def test_care_measures_each_minute_and_tells_the_sensors(tmp_path: Path) -> None:
    now, spent, size = [0.0], [0.0], [20 << 20]
    meter = Meter(lambda: size[0], lambda: spent[0], lambda: now[0])
    care, source = Care(Watchdog(tmp_path, {}), own_use=True, meter=meter), Source()
    now[0], spent[0] = 59.0, 59.0
    assert care.round(0.0, [source, object()]) == []  # type: ignore[list-item]
    now[0], spent[0], size[0] = 60.0, 30.0, 21 << 20
    (change,) = care.round(0.0, [source])  # type: ignore[list-item]
    assert change_fields(change)["agent.throttle.reason"] == "processor"
    assert care.facts() == {"memory": 21 << 20, "core": 500, "reads": 2}
    assert source.heard == [2]


def test_a_program_with_bounds_of_its_own_heeds_the_spool_alone(tmp_path: Path) -> None:
    now = [0.0]
    care = Care(Watchdog(tmp_path, {}), own_use=False, meter=Meter(lambda: 1 << 40, lambda: 9.0, lambda: now[0]))
    now[0] = 61.0
    assert care.round(0.0, []) == []
    assert [change.priority for change in care.round(0.95, [])] == [1]
    assert care.facts()["memory"] == 1 << 40
