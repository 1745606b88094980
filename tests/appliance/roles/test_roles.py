"""What all roles do alike: asked to end at any moment, they end without a fault."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.home import CHECKOUT
from tests.appliance.intake.box import free_port, prepared_box, until

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


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_the_console_puts_its_things_away_and_says_nothing_more(tmp_path: Path) -> None:
    box, port = prepared_box(tmp_path / "box"), free_port()
    command = [sys.executable, "-m", "appliance", "role", "web", "--home", str(box.home.root)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "CZUJKA_PORT": str(port)}
    log = tmp_path / "web.log"
    with log.open("wb") as said, subprocess.Popen(command, env=environment, stdout=said, stderr=said) as web:
        until(lambda: _listens(port))
        web.send_signal(signal.SIGTERM)
        assert web.wait(20) == 0
    lines = log.read_text().splitlines()
    assert [line for line in lines if "web_listening" not in line] == []
