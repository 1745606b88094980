"""The table of cases that both state machines answer to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from agent.update.state import State


class Case(NamedTuple):
    """A state, an event with its words, the state that follows."""

    before: State
    event: list[str]
    after: State


def cases() -> list[Case]:
    """Return the cases of cases.txt."""
    lines = Path(__file__).with_name("cases.txt").read_text("utf-8").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return [Case(state(one[0]), ["" if word == "-" else word for word in one[1:-1]], state(one[-1])) for one in words]


def state(text: str) -> State:
    """Read a state as the table writes it."""
    current, pending, tries, spent, failed, reason = ("" if part == "-" else part for part in text.split("/"))
    return State(current, pending, int(tries), int(spent), failed, reason)
