"""Where the engine lays down what a question cannot hold in memory: a folder for each engine, made when needed."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

_PREFIX = "overflow-"
_MARK_BYTES = 4


def claimed(folder: Path) -> Path:
    """Return a folder for an engine of this process, which the engine makes when it needs it.

    Folders that ended processes left in the same place are deleted.
    """
    for left in folder.glob(f"{_PREFIX}*-*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            released(left)
    return folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(_MARK_BYTES)}"


def size(folder: Path) -> int:
    """Return the bytes that lie in the folder of an engine."""
    found = 0
    with suppress(OSError), os.scandir(folder) as files:
        for one in files:
            # One that goes away meanwhile takes nothing.
            with suppress(OSError):
                found += one.stat().st_size
    return found


def released(folder: Path) -> None:
    """Delete the folder of an engine with what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
