"""The processes of the box. Each has `run(home, settings) -> exit code` and stops cleanly on SIGTERM."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from appliance.forked import Forked, fork, held
from appliance.home import Home
from appliance.logs import configure
from appliance.roles.ending import when_asked
from appliance.settings import Settings, load_settings

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "gateway": "appliance.roles.gateway",
        "pipeline": "appliance.roles.pipeline",
        "web": "appliance.roles.web",
        "jobs": "appliance.roles.jobs",
    }
)


SHARED = ("appliance.bootstrap", "appliance.roles.gateway")
"""What nearly all of what the roles share is loaded by; nothing of it starts a thread or opens a file for good."""


def main(arguments: list[str]) -> int:
    """Run the role named in the arguments, with the settings of its state folder."""
    parser = argparse.ArgumentParser(prog="czujka role")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args(arguments)
    return run(options.role, Home(options.home))


def run(role: str, home: Home, go: Callable[[], bool] = lambda: True) -> int:
    """Load a role's code, and run it if it may go on: to load takes longer than to prepare its folder meanwhile."""
    # A role that is asked to end before it listens for that itself has nothing to put away yet.
    when_asked(partial(sys.exit, 0))
    configure()
    os.umask(0o077)
    with _loading():
        start: Callable[[Home, Settings], int] = import_module(ROLES[role]).run
    return start(home, load_settings(home)) if go() else 0


def fork_all(home: Home, leave: Callable[[], None]) -> dict[str, Forked]:
    """Fork every role from this process, which loads what they share; each waits to be released.

    `leave` closes, in each of them, what is this process's alone.
    """
    with _loading():
        for name in SHARED:
            import_module(name)
    born: dict[str, Forked] = {}

    def live(role: str) -> int:
        leave()
        return run(role, home, held)

    for role in ROLES:
        born[role] = fork(("czujka", "role", role), partial(live, role), born.values())
    return born


@contextmanager
def _loading() -> Iterator[None]:
    """Keep the collection of garbage away from code: it has none, and to look for it copies memory that is shared."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
