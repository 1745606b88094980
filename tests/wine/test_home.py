"""The folder that decides what the service runs: taken only when nobody else can have put anything into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.conditions import until
from tests.wine.bed import Windows, path
from tests.wine.test_host import LISTENS, RUNNING, STOP, Host
from tests.wine.test_host import host as host  # noqa: PLC0414 (a fixture)
from tests.wine.test_host import program as program  # noqa: PLC0414 (as above)

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else"),
]
SOMEBODY = 65534
"""An account that wine shows as one of no rights."""
HOLDS = """
import ctypes, sys
open_ = ctypes.windll.kernel32.CreateFileW
open_.restype = ctypes.c_void_p
number, pointer = ctypes.c_uint32, ctypes.c_void_p
open_.argtypes = (ctypes.c_wchar_p, number, number, pointer, number, number, pointer)
assert open_(sys.argv[1], 0x80000000, 3, None, 3, 0x02000000, None) != ctypes.c_void_p(-1).value
print("held", flush=True)
sys.stdin.read()
"""
"""Keeps a folder open so that nobody can rename it, as whoever has a file open in it does on Windows."""


def planted(folder: Path) -> None:
    """Make an agent's folder with a version that somebody would like to be run."""
    version = folder / "versions" / "9.9.9" / "agent"
    version.mkdir(parents=True)
    (version / "__main__.py").write_text("raise SystemExit")
    (folder / "update.state").write_text("current=9.9.9\n")


def give(folder: Path) -> None:
    for one in (folder, *folder.rglob("*")):
        os.chown(one, SOMEBODY, SOMEBODY)


def aside(host: Host) -> list[Path]:
    return sorted(host.home.parent.glob("Czujka.unsafe-*"))


def of_somebody(folder: Path) -> None:
    planted(folder)
    give(folder)


def with_something_of_somebody(folder: Path) -> None:
    planted(folder)
    give(folder / "versions" / "9.9.9")


@pytest.mark.parametrize("plant", [of_somebody, with_something_of_somebody])
def test_what_somebody_else_made_is_put_aside_and_not_run(host: Host, plant: Callable[[Path], None]) -> None:
    plant(host.home)
    host.start(LISTENS)
    assert len(aside(host)) == 1
    assert (aside(host)[0] / "update.state").read_text() == "current=9.9.9\n", "as it was"
    assert not (aside(host)[0] / "began").exists()
    assert not (host.home / "versions").exists()
    host.control(STOP)


def test_what_cannot_be_put_aside_is_not_run_either(host: Host, windows: Windows, tmp_path: Path) -> None:
    of_somebody(host.home)
    said = tmp_path / "holder"
    script = tmp_path / "hold.py"
    script.write_text(HOLDS)
    holder = windows.start(said, windows.python_program, path(script), path(host.home))
    until(lambda: "held" in said.read_text(), 30, "the folder to be held")
    host.begin(LISTENS)
    until(lambda: RUNNING in host.states, 30, "the service")
    assert aside(host) == []
    assert holder.stdin is not None
    holder.stdin.close()
    holder.wait(30)
    until((host.home / "began").exists, 60, "the agent's start in a folder of its own")
    (old,) = aside(host)
    assert not (old / "began").exists(), "nothing ran while it was held"
    assert (old / "update.state").read_text() == "current=9.9.9\n"
    host.control(STOP)


def test_a_service_that_waits_for_its_folder_stops_when_it_is_told_to(
    host: Host, windows: Windows, tmp_path: Path
) -> None:
    of_somebody(host.home)
    said, script = tmp_path / "holder", tmp_path / "hold.py"
    script.write_text(HOLDS)
    windows.start(said, windows.python_program, path(script), path(host.home))
    until(lambda: "held" in said.read_text(), 30, "the folder to be held")
    host.begin(LISTENS)
    until(lambda: RUNNING in host.states, 30, "the service")
    host.control(STOP)
    assert not (host.home / "began").exists()


def test_its_own_folder_is_taken_as_it_is(host: Host) -> None:
    for _ in range(2):
        host.start(LISTENS)
        host.control(STOP)
        (host.home / "began").unlink()
        (host.home / "kept").touch()
    assert aside(host) == []
    assert (host.home / "kept").exists()
    shutil.rmtree(host.home)


MAKES = """
import sys
from pathlib import Path
from agent.windows.private import make_private, make_readable
try:
    make_private(Path(sys.argv[1]))
    make_readable(Path(sys.argv[1]) / "update.state")
    print("taken")
except PermissionError as error:
    print(error)
"""


@pytest.mark.parametrize(("plant", "said"), [(planted, "taken"), (with_something_of_somebody, "9.9.9")])
def test_enrolling_takes_no_folder_with_something_of_somebody_else(
    windows: Windows, tmp_path: Path, plant: Callable[[Path], None], said: str
) -> None:
    plant(tmp_path / "Czujka")
    done = windows.python("-c", MAKES, path(tmp_path / "Czujka"))
    assert said in done.stdout, done.stderr
