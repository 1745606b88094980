"""What the running agent's sensors really do, for this host's other commands.

`co-zbieram` is another process, with other rights than the service has, and could only guess.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.wire.sending.files import write_private
from agent.wire.sending.home import AgentHome
from agent.wire.sending.sensor import Availability, State

LOG = logging.getLogger(__name__)
FILE = "sensors.json"
_STATES: Mapping[str, State] = {"on": "on", "limited": "limited", "off": "off"}


def keep(folder: Path, states: Sequence[Mapping[str, str]]) -> None:
    """Write down each sensor's name, state and reason, as heartbeats say them."""
    try:
        write_private(folder / FILE, json.dumps(states).encode())
    except OSError as error:  # the agent works without it
        LOG.warning("states_not_kept reason=%s", error)


def kept(home: AgentHome) -> dict[str, Availability]:
    """Return what the sensors of the agent that runs on this home do, by name; {} when none runs or nothing is told."""
    if not home.running():
        return {}
    try:
        states = json.loads((home.folder / FILE).read_bytes())
        return {str(one["name"]): Availability(_STATES[one["state"]], str(one["reason"])) for one in states}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
