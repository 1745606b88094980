"""How a Linux host reads each kind of source."""

from __future__ import annotations

from pathlib import Path

from agent.inventory.files import read_file, read_files, read_names, run_command
from agent.inventory.gather import Host
from agent.inventory.natives import NATIVES, natively
from agent.inventory.raw import Command, File, Files, Names, Native


def time_zone(path: Path = Path("/etc/localtime")) -> str:
    """Return the zone that localtime(5) is a link to; raises OSError where it is no link."""
    return str(path.readlink()).partition("/zoneinfo/")[2]


HOST: Host = {
    File: read_file,
    Files: read_files,
    Names: read_names,
    Command: run_command,
    Native: natively({**NATIVES, "time_zone": time_zone}),
}
