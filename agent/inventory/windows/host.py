"""How a Windows host reads each kind of source."""

from __future__ import annotations

import importlib

from agent.inventory.files import read_file, read_files, read_names
from agent.inventory.gather import Host
from agent.inventory.natives import NATIVES, natively
from agent.inventory.raw import File, Files, Names, Native, Registry
from agent.inventory.windows.registry import RegistryReader


def host() -> Host:
    """Return the readers; raises ImportError elsewhere than on Windows."""
    return {
        File: read_file,
        Files: read_files,
        Names: read_names,
        Native: natively(NATIVES),
        Registry: RegistryReader(importlib.import_module("winreg")),
    }
