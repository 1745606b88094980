"""Runs the programs that build packages: bounded in time, the same output each time, a failure as PackageError."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from appliance.packages.archive import EPOCH
from appliance.packages.wheels import PackageError

_SECONDS = 300


def run(command: Sequence[str], folder: Path) -> None:
    """Run a program in a folder to its good end; raises PackageError."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"Program {command[0]} nie skończył w {_SECONDS} s.") from error
    if done.returncode:
        raise PackageError(f"Program {command[0]} zgłosił błąd: {(done.stderr or done.stdout).strip()[-500:]}")
