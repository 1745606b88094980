"""How a Linux host reads each kind of source."""

from __future__ import annotations

from agent.inventory.files import read_file, read_files, read_names, run_command
from agent.inventory.gather import Host
from agent.inventory.natives import NATIVES, natively
from agent.inventory.raw import Command, File, Files, Names, Native

HOST: Host = {
    File: read_file,
    Files: read_files,
    Names: read_names,
    Command: run_command,
    Native: natively(NATIVES),
}
