"""An update waits on a low battery and while a screen is kept on; what is read of Linux and Windows for that."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from agent.update.moment import BUSY_MOST, LEAST_CHARGE, Surroundings, hindrance
from agent.update.surroundings import MOST, linux
from agent.windows.power import Power, power, screen_kept_on
from agent.wire.update import BUSY, POWER


@pytest.mark.parametrize(
    ("around", "held", "why"),
    [
        (Surroundings(), 0.0, ""),
        (Surroundings(on_battery=False, charge=3), 0.0, ""),
        (Surroundings(on_battery=True, charge=LEAST_CHARGE), 0.0, ""),
        (Surroundings(on_battery=True, charge=LEAST_CHARGE - 1), 0.0, POWER),
        (Surroundings(on_battery=True, charge=LEAST_CHARGE - 1), 10 * BUSY_MOST, POWER),
        (Surroundings(on_battery=True), 0.0, POWER),
        (Surroundings(screen_kept_on=True), 0.0, BUSY),
        (Surroundings(screen_kept_on=True), BUSY_MOST, ""),
        (Surroundings(True, 5, screen_kept_on=True), 0.0, POWER),
    ],
)
def test_the_decision(around: Surroundings, held: float, why: str) -> None:
    assert hindrance(around, held) == why


def supply(folder: Path, name: str, **values: str) -> None:
    (folder / name).mkdir(parents=True)
    for key, text in values.items():
        (folder / name / key).write_text(f"{text}\n")


MAINS = {"type": "Mains", "online": "1"}
UNPLUGGED = {"type": "Mains", "online": "0"}
EMPTYING = {"type": "Battery", "status": "Discharging", "capacity": "31"}
FULL = {"type": "Battery", "status": "Full", "capacity": "100"}
MOUSE = {"type": "Battery", "status": "Discharging", "capacity": "5", "scope": "Device"}
DOCK = {"type": "USB", "online": "1"}


@pytest.mark.parametrize(
    ("supplies", "on_battery", "charge"),
    [
        ([], False, None),
        ([MAINS], False, None),
        ([MAINS, FULL], False, 100),
        ([UNPLUGGED, EMPTYING], True, 31),
        ([EMPTYING], True, 31),
        ([EMPTYING, FULL], True, 65),
        ([UNPLUGGED, DOCK, EMPTYING], False, 31),
        ([MAINS, MOUSE], False, None),
        ([MOUSE], False, None),
        ([{"type": "Battery", "status": "Discharging", "capacity": "many"}], True, None),
        ([{"type": "Battery", "status": "Discharging", "capacity": "999"}], True, 100),
        ([{}], False, None),
    ],
)
def test_linux_tells_what_feeds_it(
    tmp_path: Path, supplies: list[dict[str, str]], on_battery: bool, charge: int | None
) -> None:
    for number, one in enumerate(supplies):
        supply(tmp_path, f"BAT{number}", **one)
    assert linux(tmp_path, tmp_path / "none") == Surroundings(on_battery, charge)


@pytest.mark.parametrize(
    ("inhibitor", "kept_on"),
    [
        ("WHAT=idle\nWHO=Zoom\nWHY=Spotkanie\nMODE=block\nUID=1000\n", True),
        ("WHAT=sleep:idle\nMODE=block\n", True),
        ("WHAT=idle\nMODE=delay\n", False),
        ("WHAT=handle-lid-switch:shutdown\nMODE=block\n", False),
        ("WHO=idle\nWHY=WHAT=idle\nMODE=block\n", False),
        ("\xff\x00", False),
    ],
)
def test_an_inhibitor_of_idleness_keeps_the_screen_on(tmp_path: Path, inhibitor: str, kept_on: bool) -> None:
    (tmp_path / "1").write_bytes(inhibitor.encode("latin-1"))
    (tmp_path / "2.ref").mkdir()
    assert linux(tmp_path / "none", tmp_path).screen_kept_on is kept_on


def test_no_more_than_the_bound_is_read(tmp_path: Path) -> None:
    for number in range(3 * MOST):
        supply(tmp_path, f"B{number}", **EMPTYING)
    assert linux(tmp_path, tmp_path) == Surroundings(True, 31)


class Kernel:
    """kernel32 and powrprof as far as they are asked."""

    def __init__(self, line: int, percent: int, *, works: bool = True, state: int = 0) -> None:
        self.line, self.percent, self.works, self.state = line, percent, works, state

    def GetSystemPowerStatus(self, status: object) -> int:
        there = ctypes.cast(status, ctypes.POINTER(ctypes.c_ubyte))  # type: ignore[arg-type]
        there[0], there[2] = self.line, self.percent
        return int(self.works)

    def CallNtPowerInformation(self, level: int, _in: object, _size: int, out: object, size: int) -> int:
        assert (level, size) == (16, 4)
        ctypes.cast(out, ctypes.POINTER(ctypes.c_uint32))[0] = self.state  # type: ignore[arg-type]
        return 0 if self.works else -1073741790


@pytest.mark.parametrize(
    ("line", "percent", "told"),
    [(0, 31, Power(True, 31)), (1, 31, Power(False, 31)), (255, 255, Power(False, None)), (0, 120, Power(True, 100))],
)
def test_windows_tells_what_feeds_it(line: int, percent: int, told: Power) -> None:
    assert power(Kernel(line, percent)) == told


def test_windows_tells_whether_the_screen_is_kept_on() -> None:
    assert screen_kept_on(Kernel(1, 1, state=0x2 | 0x1))
    assert not screen_kept_on(Kernel(1, 1, state=0x4 | 0x1))


def test_what_windows_refuses_is_an_error() -> None:
    broken = Kernel(1, 1, works=False)
    with pytest.raises(OSError, match="GetSystemPowerStatus"):
        power(broken)
    with pytest.raises(OSError, match="CallNtPowerInformation"):
        screen_kept_on(broken)
