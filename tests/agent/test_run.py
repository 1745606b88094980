"""A whole agent as a process of its own: its sign of life, and what it obeys."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import RealAgent


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


def test_a_running_agent_shows_that_it_lives(tmp_path: Path, box: FakeBox) -> None:
    (tmp_path / "logs").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10.0)
        agent = RealAgent(
            tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(tmp_path / "logs"),
            NOTIFY_SOCKET=str(tmp_path / "notify"),
        )  # fmt: skip
        agent.start()
        assert [systemd.recv(64), systemd.recv(64)] == [b"READY=1", b"WATCHDOG=1"]
        until((agent.home.folder / "alive").exists)
        beat = box.seen.heartbeats[-1]
        assert 1 << 20 < beat["memory"] < 64 << 20
        assert beat["reads"] == 3
        assert agent.stop() == 0
        assert systemd.recv(64) == b"STOPPING=1"
