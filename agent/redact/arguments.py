"""The arguments of a command, as a list."""

from __future__ import annotations

from collections.abc import Sequence

from agent.redact.commands import assigned, first_shell, hide
from agent.redact.programs import PROGRAMS, program_of
from agent.redact.text import hinted, redact_text


def redact_args(args: Sequence[str]) -> list[str]:
    """Return a command's arguments with their secrets replaced; as many as were given."""
    found = hinted(" ".join(args).casefold())
    if not (found or any(program_of(one) in PROGRAMS or " " in one for one in args)):
        return list(args)
    shell = first_shell(args)
    return [
        new
        or (assigned(old) if place < shell or old.startswith(("-", "/")) else None)
        or (redact_text(old) if found or " " in old else old)
        for place, (old, new) in enumerate(zip(args, hide(args)))
    ]
