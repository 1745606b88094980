"""The agent's own files, as every package carries them."""

from __future__ import annotations

from pathlib import Path

import agent
from appliance.packages.archive import Entry

FOLDER = Path(agent.__file__).resolve().parent
VERSION = agent.__version__
START = Path(__file__).parent / "parts" / "start.py"
"""Starts the agent, on each system."""


def agent_files(folder: Path = FOLDER) -> list[Entry]:
    """Return the agent's modules and data, by paths that begin with `agent/`."""
    return files_below(folder, "agent")


def files_below(folder: Path, name: str = "") -> list[Entry]:
    """Return a Python package's modules and data, by paths that begin with its name or another one."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [Entry(f"{name or folder.name}/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in found]
