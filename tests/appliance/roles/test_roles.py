"""What all roles do alike: asked to end at any moment, they end without a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.home import CHECKOUT

ASKED_WHILE_IT_LOADS = """
import os, signal, sys, threading
from pathlib import Path
from appliance import roles
from appliance.home import Home

def load(name):
    os.kill(os.getpid(), signal.Signals[sys.argv[1]])
    threading.Event().wait(20)

roles.import_module = load
roles.run("gateway", Home(Path(sys.argv[2])))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_role_that_is_asked_to_end_while_it_starts_ends_without_a_fault(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", ASKED_WHILE_IT_LOADS, name, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
