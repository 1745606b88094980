"""The agent's own files alone, as a version that installed agents fetch; libraries come with the installed package."""

from __future__ import annotations

from appliance.packages.archive import zipped
from appliance.packages.sources import VERSION, agent_files


def name_of(version: str = VERSION) -> str:
    """Return the file's name."""
    return f"czujka-agent-{version}-update.zip"


def build() -> bytes:
    """Return the package; the same sources give the same bytes."""
    return zipped(agent_files())
