"""Forked processes: held, released, killed, told apart, and gone with their parent."""

from __future__ import annotations

import psutil
import pytest

from tests.appliance.forking import play
from tests.e2e.box import wait_for


def test_a_forked_process_is_held_goes_on_when_told_and_is_started_again_when_killed() -> None:
    lines = play("killed")
    assert lines[0].startswith("one one loaded")
    assert "title czujka role one" in lines
    assert "before the gate: False" in lines
    assert "one one goes on" in lines
    assert any("-9" in line for line in lines)
    assert lines[-2:] == ["one started", "starts 2 ended -15"]


def test_what_dies_before_its_gate_opens_is_started_only_then() -> None:
    lines = play("killed_early")
    assert "before the gate: 1" in lines
    assert lines[-1] == "one started"


def test_a_fault_while_a_process_is_held_ends_it() -> None:
    assert play("failed")[-2:] == ["told: nothing can be prepared", "ended -15"]


@pytest.mark.parametrize("redirection", ["", "<&-", "<&- 2>&-"])
def test_siblings_share_no_open_file_and_are_released_alone(redirection: str) -> None:
    assert play("siblings", redirection) == [
        "read one loaded, open: 0 1 2",
        "read two loaded, open: 0 1 2",
        "read one goes on",
        "ended -15",
        "ended -15",
    ]


def test_a_held_process_ends_with_its_parent() -> None:
    pid = int(play("orphan")[0].split()[1])
    wait_for("the orphan has ended", lambda: not psutil.pid_exists(pid))


def test_what_the_roles_share_starts_no_thread_and_opens_no_file() -> None:
    assert play("shared") == ["threads 1 open 0 1 2"]
