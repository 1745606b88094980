"""The box asks for a flow: it is cut out by a process of its own, so that no packet waits for it, and sent."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from agent.wire.commands import Command
from agent.wire.envelope import COMMAND_HEADER, OUTCOME_HEADER, SLICE_PATH
from agent.wire.limits import MAX_SLICE
from agent.wire.sending.home import AgentHome
from agent.wire.transport import Box
from collector.slices.cut import NONE, PART, WHOLE

LOG = logging.getLogger(__name__)
SECONDS = 60.0
"""Time of one cutting; a ring of 2 GiB takes a few seconds."""
_NICE = ("nice", "-n", "19")


def duty(home: AgentHome) -> Callable[[Box, Command], None]:
    """Return how a sensor obeys the command `slice`."""

    def send(box: Box, command: Command) -> None:
        outcome, content = cut_apart(home, command.argument)
        headers = {COMMAND_HEADER: str(command.id), OUTCOME_HEADER: outcome, "Content-Type": "application/octet-stream"}
        box.request("POST", SLICE_PATH, content, headers)
        LOG.info("slice_sent uid=%s outcome=%s bytes=%d", command.argument, outcome, len(content))

    return send


def cut_apart(home: AgentHome, uid: str) -> tuple[str, bytes]:
    """Return what became of a cutting, one of the wire's OUTCOMES, and the flow's packets."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "flow.pcapng"
        command = [sys.executable, "-m", "collector", "slice", uid, "--home", str(home.folder), "-o", str(made)]
        try:
            done = subprocess.run(
                [*_NICE, *command, "--most", str(MAX_SLICE)],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
                capture_output=True,
                check=False,
                timeout=SECONDS,
            )
            if done.returncode == NONE:
                return "none", b""
            if done.returncode in {WHOLE, PART}:
                return ("whole" if done.returncode == WHOLE else "cut"), made.read_bytes()
        except (OSError, subprocess.TimeoutExpired) as error:
            LOG.warning("slice_not_cut uid=%s reason=%s", uid, error)
        return "failed", b""
