"""How a Windows host reads each kind of source."""

from __future__ import annotations

import importlib

from agent.inventory.files import read_file, read_files, read_names
from agent.inventory.gather import Host
from agent.inventory.natives import NATIVES, natively
from agent.inventory.raw import File, Files, Names, Native, Registry, Script
from agent.inventory.windows import native
from agent.inventory.windows.registry import RegistryReader
from agent.inventory.windows.script import ScriptReader


def host() -> Host:
    """Return the readers; raises ImportError, OSError elsewhere than on Windows."""
    return {
        File: read_file,
        Files: read_files,
        Names: read_names,
        Native: natively({**NATIVES, **native.CALLS}),
        Registry: RegistryReader(importlib.import_module("winreg")),
        Script: ScriptReader(),
    }
