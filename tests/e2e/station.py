"""Agents and network sensors of the tests: real processes with homes, logs and cards of their own."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from appliance.home import CHECKOUT
from tests.e2e.box import Box, wait_for


class Station:
    """One agent with a home and a log folder of its own; its lines carry its name as their host."""

    module = "agent"
    run_arguments: tuple[str, ...] = ()

    def __init__(self, box: Box, folder: Path, name: str) -> None:
        self.box, self.folder, self.name = box, folder, name
        self.logs = folder / "logs"
        self.logs.mkdir()
        (self.logs / "auth.log").touch()
        self.python, self.prefix = sys.executable, list[str]()
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "CZUJKA_AGENT_LOG_FOLDER": str(self.logs),
            "CZUJKA_AGENT_SENSORS": "logfile",
            "CZUJKA_AGENT_KEEP_FREE_BYTES": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.lines = 0

    @property
    def home(self) -> Path:
        return self.folder / "agent"

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self.prefix, self.python, "-m", self.module, *arguments, "--home", str(self.home)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)

    def enrol(self) -> str:
        """Enrol with a fresh token; return the agent's number."""
        made = self.box.run("enrol-token", "create", "--url", f"https://127.0.0.1:{self.box.gateway_port}")
        assert made.returncode == 0, made.stderr
        done = self.command("enrol", made.stdout.strip())
        assert done.returncode == 0, done.stderr
        return str(re.findall(r"[0-9a-f-]{36}", done.stdout)[0])

    def start(self) -> None:
        command = [*self.prefix, self.python, "-m", self.module, "run", "--home", str(self.home), *self.run_arguments]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def begin(self) -> str:
        """Enrol, start, and wait until the box has heard of the sensors; return the agent's number."""
        agent_id = self.enrol()
        self.start()
        wait_for("the first heartbeat", lambda: self.told(agent_id)["sensors"])
        return agent_id

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGKILL)

    def append(self, count: int) -> None:
        """Add lines, each with an account that no other line names."""
        with (self.logs / "auth.log").open("a") as file:
            for number in range(self.lines, self.lines + count):
                moment = f"2026-11-21T10:{number // 60 % 60:02d}:{number % 60:02d}+01:00"
                text = f"Accepted password for u{number} from 10.0.0.1 port 22 ssh2"
                file.write(f"{moment} {self.name} sshd[{number + 1}]: {text}\n")
        self.lines += count

    def stored(self) -> int:
        return int(self.box.get("events/count", q=f"host.name:{self.name}")["count"])

    def waiting(self) -> int:
        """How many records the spool holds."""
        with closing(sqlite3.connect(f"file:{self.home}/spool.db?mode=ro", uri=True, timeout=5)) as spool:
            return int(spool.execute("SELECT count(*) FROM records").fetchone()[0])

    def check_all_stored_once(self, seconds: float = 30.0) -> None:
        wait_for(f"{self.lines} lines of {self.name}", lambda: self.stored() >= self.lines, seconds)
        assert self.stored() == self.lines
        assert self.box.get("events/count", q="gap.cause:chain_*")["count"] == 0
        top = self.box.get("events/top", q=f"host.name:{self.name}", field="process.pid", n=1)
        assert [value["count"] for value in top["items"]] == [1]

    def told(self, agent_id: str) -> dict[str, Any]:
        """What the box says of this station."""
        return dict(self.box.get(f"agents/{agent_id}"))


class Sensor(Station):
    """A network sensor of two processes on one end of a pair of virtual cards; the other has a namespace of its own."""

    module = "collector"
    card, other, space = "czt-mirror", "czt-office", "czt-office"

    def __init__(self, box: Box, folder: Path) -> None:
        super().__init__(box, folder, "sensor")
        self.run_arguments = ("--interface", self.card, "--workers", "2")

    def __enter__(self) -> Sensor:
        for command in (
            f"netns add {self.space}",
            f"link add {self.card} type veth peer name {self.other} netns {self.space}",
            f"link set {self.card} addrgenmode none",
            f"link set {self.card} up",
            f"-n {self.space} link set {self.other} addrgenmode none",
            f"-n {self.space} link set {self.other} up",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "netns", "del", self.space], check=True)

    def pass_by(self, capture: Path) -> None:
        """Send the frames of a capture file from the other side."""
        program = f"from tests.collector.replay import replay; replay({self.other!r}, {str(capture)!r})"
        command = ["ip", "netns", "exec", self.space, sys.executable, "-c", program]
        subprocess.run(command, check=True, env=self.environment, timeout=60)
