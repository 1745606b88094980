"""The sign of life: given only while both threads turn, to the file and to systemd."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from agent.wire.sending.watchdog import EVERY, NAME, SENDING_PATIENCE, Watchdog


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def touched(path: Path) -> bool:
    """Tell whether the file was touched since it was last asked."""
    try:
        fresh = path.stat().st_mtime > 1
    except FileNotFoundError:
        return False
    os.utime(path, (1, 1))
    return fresh


def test_the_file_is_touched_while_both_threads_turn(tmp_path: Path) -> None:
    clock = Clock()
    dog, path = Watchdog(tmp_path, {}, clock), tmp_path / NAME
    assert dog.main_turned()
    assert touched(path)
    assert path.stat().st_mode & 0o777 == 0o600
    clock.now += EVERY - 1
    assert not dog.main_turned()
    assert dog.due() == clock.now + 1
    clock.now += 1
    assert dog.main_turned()
    assert touched(path)


def test_a_hanging_sending_thread_ends_the_sign(tmp_path: Path) -> None:
    clock = Clock()
    dog, path = Watchdog(tmp_path, {}, clock), tmp_path / NAME
    clock.now += SENDING_PATIENCE + 1
    assert not dog.main_turned()
    assert not path.exists()
    dog.sending_turned()
    assert dog.main_turned()
    assert touched(path)
    clock.now += SENDING_PATIENCE + 1
    assert not dog.main_turned()
    dog.stopping()
    assert dog.main_turned(), "at the end nobody waits for the thread that was told to end"


def test_a_folder_that_takes_nothing_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    dog = Watchdog(tmp_path / "missing", {}, clock)
    for _ in range(3):
        assert dog.main_turned()
        clock.now += EVERY
        dog.sending_turned()
    assert [record.getMessage().split()[0] for record in caplog.records] == ["no_sign_of_life"]


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_the_start_the_signs_and_the_end(tmp_path: Path, abstract: bool) -> None:
    name = f"\0czujka-{os.getpid()}-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        systemd.settimeout(5.0)
        dog = Watchdog(tmp_path, {"NOTIFY_SOCKET": name.replace("\0", "@")})
        dog.ready()
        dog.main_turned()
        dog.stopping()
        assert [systemd.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_systemd_that_went_away_harms_nothing(tmp_path: Path) -> None:
    assert Watchdog(tmp_path, {"NOTIFY_SOCKET": str(tmp_path / "gone")}).main_turned()
