"""What the running agent's sensors really do, for this host's other commands.

`co-zbieram` is another process, with other rights than the service has, and could only guess. The folder is closed to
who works at this computer, so that the same, with what is off, and nothing else, stands in a file that all may read.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agent.wire.policy import BadPolicy, Policy, parse
from agent.wire.sending.files import write_private, write_public
from agent.wire.sending.home import AgentHome
from agent.wire.sending.sensor import Availability, State

LOG = logging.getLogger(__name__)
FILE, PUBLIC = "sensors.json", "co-zbieram.json"
RUNTIME = "RUNTIME_DIRECTORY"
"""Names the folder under /run that systemd makes for the service."""
_STATES: Mapping[str, State] = {"on": "on", "limited": "limited", "off": "off"}


class Shown(NamedTuple):
    """What everybody may know: the policy in force, and what the sensors do."""

    policy: Policy
    running: Mapping[str, Availability]


def keep(folder: Path, states: Sequence[Mapping[str, str]], policy: Policy | None = None) -> None:
    """Write down each sensor's name, state and reason, as heartbeats say them; with the policy for everybody."""
    try:
        write_private(folder / FILE, json.dumps(states).encode())
        public = _public(folder)
        if policy is not None and public is not None:
            told = {"policy": policy.statement(), "sensors": states}
            write_public(public, json.dumps(told).encode())
    except OSError as error:  # the agent works without it
        LOG.warning("states_not_kept reason=%s", error)


def shown(home: AgentHome) -> Shown | None:
    """Return what the running agent shows to everybody, None when it shows nothing."""
    public = _public(home.folder) or Path("/run/czujka-agent") / PUBLIC
    try:
        value = json.loads(public.read_bytes())
        return Shown(parse(value["policy"]), _read(value["sensors"]))
    except (OSError, BadPolicy, ValueError, KeyError, TypeError):
        return None


def _public(folder: Path) -> Path | None:
    """Return the file that everybody may read: on Windows a file of a closed folder can be opened by its name."""
    if sys.platform == "win32":
        return folder / PUBLIC
    runtime = os.environ.get(RUNTIME, "").partition(":")[0]
    return Path(runtime) / PUBLIC if runtime else None


def kept(home: AgentHome) -> dict[str, Availability]:
    """Return what the sensors of the agent that runs on this home do, by name; {} when none runs or nothing is told."""
    if not home.running():
        return {}
    try:
        return _read(json.loads((home.folder / FILE).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _read(states: Sequence[Mapping[str, str]]) -> dict[str, Availability]:
    return {str(one["name"]): Availability(_STATES[one["state"]], str(one["reason"])) for one in states}
