"""The box's wish to be told everything again: a file in the agent's folder, which the next turn of the sensor takes.

A command is obeyed by another thread than the sensor's, and an agent may end in between: the file waits for either.
"""

from __future__ import annotations

from pathlib import Path

from agent.wire.commands import Command
from agent.wire.sending.orders import Duty
from agent.wire.transport import Box, RetryLater

_NAME = "inventory.again"


def ask(home: Path) -> None:
    """Ask for a round that sends all of the inventory and every verdict; raises OSError."""
    (home / _NAME).touch(mode=0o600)


def duty(home: Path) -> Duty:
    """Return what obeys the command `refresh`, whatever its argument: a round tells inventory and verdicts together."""

    def obey(_box: Box, _command: Command) -> None:
        try:
            ask(home)
        except OSError as error:
            raise RetryLater(f"cannot write in {home}: {error.strerror}") from error

    return obey


def taken(home: Path) -> bool:
    """Say whether somebody asked, and take the wish away."""
    try:
        (home / _NAME).unlink()
    except OSError:
        return False
    return True
