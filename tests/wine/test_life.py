"""Silence as the service host counts it: what a sleep or a clock that is set adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.packages.msi import SOURCES
from tests.wine.bed import Windows, path
from tests.wine.install import compiled

pytestmark = pytest.mark.wine
SECOND, HOUR = 1000, 3_600_000


class Said(NamedTuple):
    awake: int
    silent: bool


class Program:
    """The host's own counting, as a program."""

    def __init__(self, windows: Windows, folder: Path) -> None:
        source = Path(__file__).with_name("life.c")
        self.windows = windows
        self.file = compiled([source, SOURCES / "life.c"], folder / "life.exe", f"-I{SOURCES}")

    def after(self, looks: Sequence[tuple[int, int]]) -> list[Said]:
        """Return what it says after each look; one is a time (ms) and a mark."""
        done = self.windows.run(path(self.file), text="".join(f"{now} {mark}\n" for now, mark in looks))
        words = [line.split() for line in done.stdout.splitlines()]
        return [Said(int(awake), silent == "1") for awake, silent in words]


@pytest.fixture(scope="module")
def program(windows: Windows, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(windows, tmp_path_factory.mktemp("life"))


def seconds(first: int, count: int, mark: int = 0, *, alive: bool = False) -> list[tuple[int, int]]:
    """Return a look each second; whoever is `alive` shows it every tenth."""
    return [(first + one * SECOND, mark + one // 10 if alive else mark) for one in range(count)]


def test_an_agent_that_shows_nothing_is_silent_after_its_patience(program: Program) -> None:
    said = program.after(seconds(5 * HOUR, 93))
    assert [one.silent for one in said] == [False] * 91 + [True] * 2
    assert said[-1].awake == 92


def test_an_agent_that_shows_its_life_is_not_silent(program: Program) -> None:
    assert not any(one.silent for one in program.after(seconds(0, 400, alive=True)))


def test_a_sleep_is_neither_silence_nor_time_of_a_trial(program: Program) -> None:
    said = program.after([*seconds(0, 31), *seconds(8 * HOUR, 31, mark=1)])
    assert not any(one.silent for one in said)
    assert said[-1].awake == 30 + 10 + 30
    # The agent has 10 s more before its next sign of life, and many such sleeps one after another add up to nothing.
    naps = [look for one in range(30) for look in seconds(one * HOUR, 3, mark=one)]
    assert not any(one.silent for one in program.after(naps))


@pytest.mark.parametrize("mark", [1, 10**18])
def test_a_clock_that_is_set_says_nothing_of_the_agent(program: Program, mark: int) -> None:
    said = program.after([*seconds(0, 60, mark=10**17), *seconds(60 * SECOND, 60, mark=mark, alive=True)])
    assert not any(one.silent for one in said)


def test_a_count_that_goes_back_counts_nothing(program: Program) -> None:
    assert program.after([(HOUR, 1), (0, 1), (SECOND, 1)])[-1] == Said(1, silent=False)
