"""What kind of program a station runs, by what it says of itself."""

from __future__ import annotations

from appliance.state.models import Agent


def is_sensor(agent: Agent) -> bool:
    """Tell whether it is a sensor of the network: those alone say figures, and no other kind is told apart."""
    return any(isinstance(one, dict) and "figures" in one for one in agent.sensors or ())


def system_of(text: str) -> str:
    """Return the family of an operating system as its agent names it; empty for none."""
    if not text:
        return ""
    return "windows" if "windows" in text.lower() else "linux"
