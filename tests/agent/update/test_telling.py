"""A version that is wanted at a bad moment waits, says why, and is taken at a better one without another command."""

from __future__ import annotations

import _thread
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.update import surroundings, telling
from agent.update.moment import Surroundings
from agent.update.telling import Trial
from agent.wire.commands import UPDATE, Command
from agent.wire.transport import RetryLater
from tests.agent.box import FakeBox
from tests.agent.update.test_fetch import DATA, NEW, Station

LOW, MAINS = Surroundings(on_battery=True, charge=10), Surroundings()


class Desk(Station):
    """A station with surroundings that change, and a clock that the test moves."""

    def __init__(self, folder: Path, server: FakeBox, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, server)
        self.around, self.now, self.ended = LOW, 1000.0, 0
        patch.setattr(surroundings, "look", lambda: self.around)
        patch.setattr(_thread, "interrupt_main", lambda _number: self._end())
        self.trial = Trial(self.home, lambda: self.now)

    def _end(self) -> None:
        self.ended += 1

    def obey(self) -> None:
        self.trial.obey(self.box, Command(1, "x", UPDATE, NEW, 1))

    def later(self, seconds: float = telling.LOOK_EVERY) -> None:
        self.now += seconds
        self.trial.answered(self.box)


@pytest.fixture
def desk(tmp_path: Path, server: FakeBox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path, server, monkeypatch)
    yield made
    made.box.close()


def test_on_a_low_battery_nothing_is_fetched_until_there_is_power(desk: Desk) -> None:
    desk.obey()
    desk.later()
    assert (desk.trial.facts(), desk.offer.asked, desk.state.pending) == ({"update_waits": "power"}, [], "")
    desk.around = MAINS
    desk.later(1.0)
    assert desk.offer.asked == [], "it looks once a minute"
    desk.later()
    assert (desk.trial.facts(), desk.state.pending, desk.ended) == ({}, NEW, 1)
    desk.later()
    assert desk.ended == 1


def test_a_screen_that_is_always_on_holds_for_a_day_of_work(desk: Desk) -> None:
    desk.around = Surroundings(screen_kept_on=True)
    desk.obey()
    desk.later(7 * 3600.0)
    assert desk.trial.facts() == {"update_waits": "busy"}
    desk.obey()
    desk.later(3600.0)
    assert desk.state.pending == NEW


def test_a_version_that_is_offered_no_more_is_forgotten(desk: Desk, server: FakeBox) -> None:
    def gone(handler: Any, _path: str) -> bool:
        handler.reply(404, b"{}")
        return True

    desk.obey()
    desk.around, server.fault = MAINS, gone
    desk.later()
    server.fault = None
    assert (desk.trial.facts(), desk.state.pending) == ({}, "")
    desk.later()
    assert desk.ended == 0


def test_a_fetch_that_breaks_off_is_tried_again(desk: Desk) -> None:
    desk.obey()
    desk.around, desk.offer.data = MAINS, b""
    with pytest.raises(RetryLater):
        desk.later()
    desk.offer.data = DATA
    desk.later()
    assert desk.state.pending == NEW
