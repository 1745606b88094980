"""A night's sleep and a clock that is set, as a running agent tells them: once each, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import RealAgent

NIGHT, AHEAD = 8 * 3600, 3600
PATIENCE = 20


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


class Laptop:
    """An agent on clocks that a file moves, following a log."""

    def __init__(self, folder: Path, box: FakeBox) -> None:
        (logs := folder / "logs").mkdir()
        self._log, self._clocks, self.box = logs / "auth.log", folder / "clocks", box
        self._log.write_text("")
        self.moves(put=0, slept=0)
        self.agent = RealAgent(folder, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(logs))
        self.agent.program = ("tests.agent.moved", str(self._clocks))

    def moves(self, *, put: float, slept: float) -> None:
        draft = self._clocks.with_suffix(".new")
        draft.write_text(f"{put} {slept}")
        draft.replace(self._clocks)

    def logs(self, name: str) -> None:
        """Write a line, and wait until the box has it."""
        with self._log.open("a") as log:
            log.write(f"{time.strftime('%b %e %H:%M:%S')} pc useradd[8]: new user: name={name}, UID=1001\n")
        until(lambda: self.names()[-1:] == [name], PATIENCE, f"the line of {name}")

    def names(self) -> list[str]:
        lines = (one["message"] for one in self.box.seen.records if one.get("log.syslog.appname") == "useradd")
        return [str(line).partition("name=")[2].partition(",")[0] for line in lines]

    def told(self, action: str, field: str) -> list[float]:
        return [round(one[field] / 1e6) for one in self.agent.own_events(action)]


def test_a_sleep_and_a_clock_that_is_set_are_told_once_and_nothing_is_lost(tmp_path: Path, box: FakeBox) -> None:
    laptop = Laptop(tmp_path, box)
    agent = laptop.agent
    try:
        agent.start()
        laptop.logs("evening")
        laptop.moves(put=0, slept=NIGHT)
        until(lambda: laptop.told("host_resumed", "host.slept"), PATIENCE, "the word of the sleep")
        laptop.logs("morning")
        laptop.moves(put=AHEAD, slept=NIGHT)
        until(lambda: laptop.told("clock_changed", "clock.delta"), PATIENCE, "the word of the clock")
        laptop.logs("ahead")
        laptop.moves(put=0, slept=NIGHT)
        until(lambda: len(laptop.told("clock_changed", "clock.delta")) == 2, PATIENCE, "the word of it put right")
        laptop.logs("right")
        assert agent.stop() == 0
        agent.start()
        laptop.logs("again")
        assert agent.stop() == 0
    finally:
        if agent.process is not None:
            agent.process.kill()
            agent.process.wait()
    assert laptop.names() == ["evening", "morning", "ahead", "right", "again"]
    assert laptop.told("host_resumed", "host.slept") == pytest.approx([NIGHT], abs=2)
    assert laptop.told("clock_changed", "clock.delta") == pytest.approx([AHEAD, -AHEAD], abs=2)
    assert agent.own_events("telemetry_gap") == []
    assert [one["agent.previous_stop"] for one in agent.own_events("agent_started")] == ["none", "clean"]
