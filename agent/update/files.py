"""Where the update keeps its things in the agent's folder, the same on each system (docs/packages.md)."""

from __future__ import annotations

from pathlib import Path

from agent.update.state import LONGEST, State, read, write
from agent.wire.sending.files import write_private
from agent.wire.update import is_version


def versions(home: Path) -> Path:
    """Return the folder of the versions, each in a folder of its name."""
    return home / "versions"


def load(home: Path) -> State:
    """Return the state; as at the beginning when there is none."""
    return read(_text(home / "update.state"))


def save(home: Path, state: State) -> None:
    """Keep the state, on disk before this returns; raises OSError."""
    write_private(home / "update.state", write(state).encode())


def healthy(home: Path) -> str:
    """Return the version that the box has heard last."""
    text = _text(home / "healthy").strip()
    return text if is_version(text) else ""


def heard(home: Path, version: str) -> None:
    """Note that the box has heard this version; raises OSError."""
    write_private(home / "healthy", version.encode())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST).decode("ascii", "replace")
    except OSError:
        return ""
