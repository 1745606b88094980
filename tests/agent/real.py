"""A real agent as a process of its own, enrolled at a test box."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent.wire.sending import enrolment
from agent.wire.sending.enrol_token import decode
from agent.wire.sending.home import AgentHome
from tests.agent.box import FakeBox
from tests.agent.conditions import until

CHECKOUT = Path(__file__).resolve().parents[2]


class RealAgent:
    """Starts, stops and kills one agent on one home folder."""

    def __init__(self, folder: Path, box: FakeBox, **environment: str) -> None:
        self.box = box
        self.home = AgentHome(folder / "agent")
        self.log = folder / "agent.log"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "CZUJKA_AGENT_KEEP_FREE_BYTES": "0",
            **environment,
        }
        enrolment.enrol(decode(box.token()), self.home)
        self.python = sys.executable
        self.program: tuple[str, ...] = ("agent",)
        """The module that is started, and what stands before the agent's own arguments."""
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, *prefix: str) -> None:
        beats = len(self.box.seen.heartbeats)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, self.python, "-m", *self.program, "run", "--home", str(self.home.folder)],
                env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        until(lambda: len(self.box.seen.heartbeats) > beats, 15, f"a heartbeat ({self.log})")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(10)
        self.process = None
        return code

    def own_events(self, action: str) -> list[dict[str, Any]]:
        return [record for record in self.box.seen.records if record.get("event.action") == action]

    def commands(self, name: str) -> list[dict[str, Any]]:
        """Return the program starts whose second argument begins with `name`."""
        return [
            record
            for record in self.box.seen.records
            if len(args := record.get("process.args", ())) > 1 and str(args[1]).startswith(name)
        ]
