"""Exit codes of every command. `docs/exit-codes.md` documents them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    NO = 1
    """The answer is "no": a check failed, nothing could be read, or what was made is not complete."""
    USAGE = 2
    """Wrong arguments or settings."""
    UNREACHABLE = 3
    """The box does not answer."""
    BUSY = 4
    """Another box runs on this state folder, its port is taken, or somebody else changes the rule releases."""
    LACKING = 69
    """The system lacks something that the command needs (EX_UNAVAILABLE of sysexits.h)."""
