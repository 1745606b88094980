"""Compiles rules into the cache in a process of its own: `python -m appliance.rulesets.prepare --home FOLDER`.

What reading rules costs, and what a bad one may do to the process that reads it, does not touch the stream.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
from pathlib import Path

from appliance.home import Home
from appliance.logs import configure
from appliance.settings import load_settings

from .content import active_rules

SECONDS = 600.0
_NICE = 10


class PreparationFailed(RuntimeError):
    """The rules could not be compiled; the text says how the process ended."""


def prepare(home: Home, seconds: float = SECONDS) -> None:
    """Compile what is new in another process and wait for it. Raises PreparationFailed."""
    command = [sys.executable, "-m", "appliance.rulesets.prepare", "--home", str(home.root)]
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise PreparationFailed(f"{seconds:.0f} s") from error
    except OSError as error:
        raise PreparationFailed(str(error)) from error
    if done.returncode:
        raise PreparationFailed(f"kod {done.returncode}")


def main(arguments: list[str]) -> int:
    """Load the rules of a state folder once, which fills the cache."""
    parser = argparse.ArgumentParser(prog="czujka prepare")
    parser.add_argument("--home", type=Path, required=True)
    home = Home(parser.parse_args(arguments).home)
    configure()
    os.umask(0o077)
    os.nice(_NICE)
    home.cache.mkdir(parents=True, exist_ok=True)
    # Of several processes that want the same, one does it; the others find it done.
    with (home.cache / ".preparing").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        active_rules(home, load_settings(home))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
