"""What a host sends, as it is told to the people who work at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.what import lines
from agent.wire.commands import RENEW, Command
from agent.wire.policy import Off, Policy
from agent.wire.sending.home import AgentHome
from agent.wire.sending.kept_policy import LOST
from agent.wire.sending.sensor import About, Availability
from agent.wire.sending.states import PUBLIC, RUNTIME
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import CHECKOUT, RealAgent
from tests.agent.test_run import Orders, running
from tests.agent.test_run import box as box  # noqa: PLC0414 (a fixture)

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can reach."""
    made = Path(tempfile.mkdtemp(prefix="czujka-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


AS_OTHER = """
import contextlib, io, os, sys
from agent.__main__ import main
command, home, user = sys.argv[1:]
with contextlib.redirect_stdout(io.StringIO()):  # loads what another account may not: the interpreter may be root's own
    main([command, "--home", home + "-none"])
os.setgroups([]), os.setgid(int(user)), os.setuid(int(user))
sys.exit(main([command, "--home", home]))
"""


def ask(home: AgentHome, command: str, runtime: Path, user: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-c", AS_OTHER, command, str(home.folder), str(user)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), RUNTIME: str(runtime)}, cwd="/",
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@as_root
def test_who_works_at_the_computer_reads_what_the_agent_really_does(open_folder: Path, box: FakeBox) -> None:
    """The notice for staff names this command, and staff are not root."""
    runtime, logs = open_folder / "run", open_folder / "logs"
    runtime.mkdir(mode=0o755)
    logs.mkdir()
    (logs / "auth.log").write_text("")
    environment = {"CZUJKA_AGENT_SENSORS": "logfile,inventory", "CZUJKA_AGENT_LOG_FOLDER": str(logs)}
    agent = RealAgent(open_folder, box, **environment, **{RUNTIME: str(runtime)})
    now = time.time_ns() // 1000
    policy = Policy("7e57", now, (Off("accounts", "Anna Nowak", 1_790_000_000_000_000),))
    box.fault = Orders(box, policy, Command(1, "7e57", RENEW, "", now + 10**9))
    with running(agent):
        shown = runtime / PUBLIC
        until(lambda: shown.exists() and "Anna" in shown.read_text(), 20, "the policy to be shown")
        said = ask(agent.home, "co-zbieram", runtime, NOBODY)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith("Ten komputer wysyła do Czujki:\n  • ")
        assert "[wyłączone od 21.09.2026, przez: Anna Nowak] zmiany kont" in said.stdout
        assert "[wysyłane] logowania" in said.stdout
        assert "[wysyłane] podłączane urządzenia USB" in said.stdout, "the inventory tells them"
        assert said.stdout == ask(agent.home, "co-zbieram", runtime, 0).stdout
        assert set(json.loads(shown.read_text())) == {"policy", "sensors"}


@as_root
@pytest.mark.parametrize("command", ["co-zbieram", "status"])
def test_who_may_not_see_is_told_so_and_nothing_else(open_folder: Path, command: str) -> None:
    home = AgentHome(open_folder / "agent")
    home.create()
    said = ask(home, command, open_folder / "run", NOBODY)
    assert (said.returncode, said.stdout) == (1, "")
    assert "Użyj konta administratora: sudo czujka-agent" in said.stderr


class Source:
    about = About("audit", "Źródło audit", "Source audit")

    def availability(self) -> Availability:
        return Availability("off", "sensor.reason.policy_lost")


def test_an_agent_that_lost_its_policy_says_that_nothing_is_sent() -> None:
    said = "\n".join(lines([Source()], LOST, {}))  # type: ignore[list-item]
    assert said.startswith("Agent nie może odczytać, co wolno zbierać. Nie zbiera nic, dopóki Czujka nie odpowie.\n")
    assert "[wstrzymane] uruchamiane programy" in said
    assert "[nie działa – nie da się odczytać, co wolno zbierać; czeka na odpowiedź Czujki] Źródło audit" in said
    assert "[wysyłane]" not in said
