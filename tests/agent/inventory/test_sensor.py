"""The resident side: rounds as children, their output, those that hang."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.inventory import sensor
from agent.inventory.again import duty
from agent.inventory.sensor import BOOKMARK, InventorySensor, command
from agent.wire.commands import Command
from agent.wire.sending.sensor import Gap, Item, Reading
from agent.wire.transport import Box, RetryLater
from tests.agent.conditions import until


def _child(program: str, asked: list[tuple[int, bool]], switched: list[frozenset[str]]) -> object:
    def command(_state: Path, seen: int, whole: bool, off: frozenset[str]) -> Sequence[str]:
        asked.append((seen, whole))
        switched.append(off)
        return [sys.executable, "-S", "-c", program]

    return command


BOX = Box(("https://127.0.0.1:1",), ssl.create_default_context())
COMMAND = Command(1, "a", "refresh", "inventory", 1)


class Rounds:
    """A sensor whose children run `program`, and what it handed over."""

    def __init__(self, folder: Path, program: str, longest: float = 20.0) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.switched: list[frozenset[str]] = []
        self.sensor = InventorySensor(folder, _child(program, self.asked, self.switched), 0.0, longest)  # type: ignore[arg-type] # a plain function
        self.items: list[Item] = []
        self.sensor.open({BOOKMARK: "7"})

    def until_handed_over(self) -> None:
        def turned() -> bool:
            self.items += self.sensor.tick()
            return bool(self.asked) and (self.sensor.wait() or 0.0) > 100

        until(turned, 20.0, "the end of a round")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not (tmp_path / "inventory.out").exists()


def test_a_round_becomes_records_and_at_their_end_the_bookmark(folder: Path) -> None:
    rounds = Rounds(
        folder,
        'for i in range(450): print(\'{"inventory.key": "%d"}\' % i)\n'
        "print('broken'); print('{\"inventory.round\": 8}')",
    )
    rounds.until_handed_over()
    readings = [item for item in rounds.items if isinstance(item, Reading)]
    keys = [reading.record["inventory.key"] for reading in readings if reading.record is not None]
    assert keys == [str(number) for number in range(450)]
    assert len({reading.record["event.id"] for reading in readings if reading.record is not None}) == 450
    assert readings[-1].bookmark is not None
    assert tuple(readings[-1].bookmark) == (BOOKMARK, "8")
    rounds.sensor.close()
    assert rounds.asked == [(7, False)]


def test_when_the_box_asks_a_round_tells_everything_and_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "ASKED", 0.0)
    rounds = Rounds(folder, "print('{\"inventory.round\": 9}')")
    rounds.until_handed_over()
    duty(folder)(BOX, COMMAND)
    rounds.sensor.tick()
    rounds.until_handed_over()
    assert rounds.sensor.tick() == []
    rounds.sensor.close()
    assert rounds.asked == [(7, False), (9, True)]


def test_what_is_switched_goes_into_the_round_and_a_change_tells_everything(folder: Path) -> None:
    rounds = Rounds(folder, "print('{\"inventory.round\": 9}')")
    rounds.sensor.switch(frozenset({"dns", "usb", "logons"}))
    rounds.until_handed_over()
    rounds.sensor.switch(frozenset({"dns", "usb"}))
    assert rounds.sensor.tick() == []
    assert len(rounds.asked) == 1, "nothing of the inventory has changed"
    rounds.sensor.switch(frozenset({"dns", "command_lines"}))
    rounds.sensor.tick()
    rounds.until_handed_over()
    rounds.sensor.close()
    assert rounds.asked == [(7, False), (9, True)]
    assert rounds.switched == [{"dns", "usb"}, {"dns", "command_lines"}]
    assert command(folder, 3, whole=True, off={"usb", "dns"})[-3:] == ["whole", "off=dns", "off=usb"]


def test_a_wish_that_cannot_be_written_down_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="cannot write"):
        duty(tmp_path / "gone")(BOX, COMMAND)


def test_a_round_that_hangs_is_killed_and_known_as_a_loss_while_what_it_wrote_is_kept(folder: Path) -> None:
    rounds = Rounds(folder, 'import time; print(\'{"inventory.key": "a"}\', flush=True); time.sleep(600)', longest=0.5)
    rounds.until_handed_over()
    assert [type(item) for item in rounds.items] == [Gap, Reading]
    assert rounds.sensor.availability().reason == "sensor.reason.inventory_killed"
    rounds.sensor.close()


def test_an_agent_that_ends_in_a_round_ends_the_round(folder: Path) -> None:
    rounds = Rounds(folder, "import time; time.sleep(600)")
    rounds.sensor.tick()
    child = rounds.sensor._child
    assert child is not None
    assert child.poll() is None
    rounds.sensor.close()
    assert child.returncode is not None
    assert rounds.sensor.fileno() == -1
