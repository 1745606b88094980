"""The processes of the box. Each has `run(home, settings) -> exit code` and stops cleanly on SIGTERM."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from appliance.home import Home
from appliance.logs import configure
from appliance.settings import Settings, load_settings

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "gateway": "appliance.roles.gateway",
        "pipeline": "appliance.roles.pipeline",
        "web": "appliance.roles.web",
        "jobs": "appliance.roles.jobs",
    }
)


def main(arguments: list[str]) -> int:
    """Run the role named in the arguments, with the settings of its state folder."""
    parser = argparse.ArgumentParser(prog="czujka role")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--held", action="store_true", help="wait for a line on standard input before anything is done")
    options = parser.parse_args(arguments)
    configure()
    os.umask(0o077)
    home = Home(options.home)
    run: Callable[[Home, Settings], int] = import_module(ROLES[options.role]).run
    if options.held:
        # To load a role's code takes longer than to prepare its folder: both go on at the same time.
        sys.stdin.readline()
    return run(home, load_settings(home))
