"""What the running agent's sensors do, as another process reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.wire.sending import states
from agent.wire.sending.home import AgentHome
from agent.wire.sending.sensor import Availability

TOLD = [
    {"name": "fim", "state": "limited", "reason": "sensor.reason.rounds_only"},
    {"name": "audit", "state": "on", "reason": ""},
]


def test_what_is_kept_counts_while_an_agent_runs(tmp_path: Path) -> None:
    home = AgentHome(tmp_path)
    states.keep(tmp_path, TOLD)
    assert (tmp_path / states.FILE).stat().st_mode & 0o777 == 0o600
    assert states.kept(home) == {}
    lock = home.lock()
    found = states.kept(home)
    os.close(lock)
    assert found == {"fim": Availability("limited", "sensor.reason.rounds_only"), "audit": Availability("on")}
    assert states.kept(home) == {}


@pytest.mark.parametrize(
    "text", ["", "{", "3", "[3]", '[{"name": "x"}]', '[{"name": "x", "state": "?", "reason": ""}]']
)
def test_a_damaged_file_tells_nothing(tmp_path: Path, text: str) -> None:
    home = AgentHome(tmp_path)
    lock = home.lock()
    assert states.kept(home) == {}
    (tmp_path / states.FILE).write_text(text)
    assert states.kept(home) == {}
    os.close(lock)


def test_a_folder_that_takes_no_file_ends_nothing(tmp_path: Path) -> None:
    states.keep(tmp_path / "missing", TOLD)
    assert list(tmp_path.iterdir()) == []
