"""A disk that turns read-only under a running agent, for real: ext4 does so by itself after an error of the medium.

The disk is a file of the test's own behind a loop device, mounted in a mount namespace of the agent's own; ext4's mount
option `abort` is the error (ext4(5)).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import CHECKOUT, RealAgent

pytestmark = pytest.mark.root
_MOUNTED = """
set -e
mount -o loop,errors=remount-ro "$1" "$2"
home="$3"
if [ -z "$(ls -A "$2" | grep -v lost+found)" ]; then cp -a "$home/." "$2"; sync -f "$2"; fi
mount --bind "$2" "$home"
shift 3
exec "$@"
"""
"""Puts the image under the agent's folder, with what is in it, and becomes the agent."""


class Disk:
    """An image, and how an agent is started on it."""

    def __init__(self, folder: Path) -> None:
        self.image, self.point = folder / "disk.img", folder / "disk"
        self.point.mkdir()
        with self.image.open("wb") as image:
            image.truncate(16 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)

    def under(self, agent: RealAgent) -> tuple[str, ...]:
        """Return the words before the agent's command that put this disk under its folder."""
        space = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNTED, "sh")
        return (*space, str(self.image), str(self.point), str(agent.home.folder))

    def breaks(self, agent: RealAgent) -> None:
        """Let the disk fail: from now on it can only be read."""
        inside = ["nsenter", "--target", str(agent.pid), "--root", "--mount"]
        subprocess.run([*inside, "mount", "-o", "remount,abort", self.point], check=True)
        assert subprocess.run([*inside, "touch", agent.home.folder / "x"], check=False, capture_output=True).returncode

    def free(self) -> bool:
        """Tell whether no mount of it is left."""
        held = subprocess.run(["losetup", "--associated", self.image], check=True, capture_output=True)
        return not held.stdout


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    if shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        pytest.skip("this machine has no ext4 or no loop devices")
    return Disk(tmp_path)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RealAgent]:
    box = FakeBox(tmp_path / "box")
    (tmp_path / "logs").mkdir()
    made = RealAgent(
        tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(tmp_path / "logs"),
    )  # fmt: skip
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()
    box.down()


def write(folder: Path, *numbers: int) -> None:
    with (folder / "logs" / "auth.log").open("a") as log:
        for number in numbers:
            log.write(f"{time.strftime('%b %e %H:%M:%S')} pc useradd[8]: new user: name=u{number}, UID={number}\n")


def got(box: FakeBox) -> list[str]:
    return sorted(str(one["message"]) for one in box.seen.records if one.get("log.syslog.appname") == "useradd")


def told(box: FakeBox) -> dict[str, str]:
    """State and reason of the spool, as the last heartbeat has them."""
    return {one["state"]: one["reason"] for one in box.seen.heartbeats[-1]["sensors"] if one["name"] == "spool"}


def test_a_disk_that_turned_read_only_ends_nothing_and_loses_nothing(
    tmp_path: Path, agent: RealAgent, disk: Disk
) -> None:
    write(tmp_path)
    agent.start(*disk.under(agent))
    write(tmp_path, 1, 2)
    until(lambda: len(got(agent.box)) == 2, 20, "what came before")
    disk.breaks(agent)
    write(tmp_path, 3, 4)
    until(lambda: "spool_not_writable" in agent.log.read_text(), 20, "the complaint")
    assert "sprawdź dysk agenta" in agent.log.read_text()
    until(lambda: told(agent.box) == {"limited": "sensor.reason.spool_broken"}, 20, "a heartbeat that says so")
    assert agent.process is not None
    assert agent.process.poll() is None
    agent.stop(signal.SIGKILL)
    until(disk.free, 20, "the end of the mount")
    agent.start(*disk.under(agent))
    until(lambda: len(got(agent.box)) >= 4, 20, "what came meanwhile")
    assert got(agent.box) == [f"new user: name=u{number}, UID={number}" for number in (1, 2, 3, 4)]
    assert agent.box.seen.conflicts == 0
    assert agent.own_events("agent_started")[-1]["agent.previous_stop"] == "killed"


def test_on_a_read_only_folder_it_does_not_start_and_says_why(tmp_path: Path, agent: RealAgent) -> None:
    """A file system may be remounted only while nobody writes to it: tmpfs stands for a disk that came up so."""
    home = str(agent.home.folder)
    mounted = 'mount -t tmpfs tmpfs "$1" && cp -a "$2/." "$1" && mount -o remount,ro "$1" && mount --bind "$1" "$2" && '
    (tmp_path / "disk").mkdir()
    ended = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{mounted} shift 2 && exec "$@"', "sh",
         str(tmp_path / "disk"), home, sys.executable, "-m", "agent", "run", "--home", home],
        check=False, capture_output=True, text=True, timeout=30, env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert ended.returncode == 69
    assert ended.stderr == f"Nie można użyć folderu {home}: Read-only file system.\n"
