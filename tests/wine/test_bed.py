"""The test bed itself: Python for Windows runs, imports the agent and its wheels, and can be killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.box import wait_for
from tests.wine.bed import Windows, path
from tests.wine.install import compiled

pytestmark = pytest.mark.wine

IMPORTS = """
import sys, ssl, sqlite3, psutil, agent
from cryptography.hazmat.primitives.asymmetric import ec
ec.generate_private_key(ec.SECP256R1())
sys.stdin.reconfigure(encoding="utf-8")
sys.stdout.reconfigure(encoding="utf-8")
print(sys.platform, sys.version_info[:2], agent.__version__ != "", sys.stdin.read())
"""
WAITING = """
#include <windows.h>
#include <stdio.h>
int main(void) { puts("up"); fflush(stdout); Sleep(60000); return 0; }
"""


def test_python_for_windows_has_the_agent_and_its_wheels(windows: Windows) -> None:
    done = windows.run(windows.python_program, "-c", IMPORTS, text="zażółć")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["win32", "(3,", "11)", "True", "zażółć"]


def test_a_program_is_compiled_started_and_killed(windows: Windows, tmp_path: Path) -> None:
    source = tmp_path / "wait.c"
    source.write_text(
        '#include <windows.h>\n#include <stdio.h>\nint main(void){puts("up");fflush(stdout);Sleep(60000);}'
    )
    program = compiled([source], tmp_path / "wait.exe")
    child = windows.start(tmp_path / "log", path(program))
    wait_for("it says so", lambda: "up" in (tmp_path / "log").read_text())
    child.kill()
    assert child.wait(10) == -9
