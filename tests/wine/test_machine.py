"""The state machine of the service host answers to the same table as the agent's."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.update.state import State, read
from appliance.packages.msi import SOURCES
from tests.agent.update.cases import cases
from tests.wine.bed import Windows, path
from tests.wine.install import compiled

pytestmark = pytest.mark.wine


def test_the_hosts_state_machine_answers_to_the_table(windows: Windows, tmp_path: Path) -> None:
    program = compiled(
        [Path(__file__).with_name("machine.c"), SOURCES / "update.c"], tmp_path / "machine.exe", f"-I{SOURCES}"
    )
    wanted = cases()
    asked = [" ".join([_written(case.before), *(word or "-" for word in case.event)]) for case in wanted]
    done = windows.run(path(program), text="\n".join(asked) + "\n")
    answers = done.stdout.split("\n\n")
    assert [read(answer.replace("\r", "")) for answer in answers[: len(wanted)]] == [case.after for case in wanted]


def _written(state: State) -> str:
    return "/".join(str(part) or "-" for part in state)
