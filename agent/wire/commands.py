"""Commands of the box to one of its senders, signed by the key of the box's CA, which every sender has pinned.

A command is a statement, JSON with sorted keys, and the signature (ECDSA, P-256, SHA-256) over a prefix and exactly
these bytes. Kinds are a closed list; a sender obeys those that it knows, once each, and only its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

SLICE, REFRESH, RENEW, LOG_LEVEL, UPDATE = "slice", "refresh", "renew", "log_level", "update"
"""Send the packets of a flow; tell inventory or posture anew; renew the certificate; log more or less; update."""
ARGUMENTS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        SLICE: re.compile(r"[0-9A-Za-z]{8,32}"),
        REFRESH: re.compile(r"inventory|posture"),
        RENEW: re.compile(r""),
        LOG_LEVEL: re.compile(r"debug|info|warning|error"),
        UPDATE: re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,6}){1,3}(?:(?:a|b|rc|\.dev|\.post)[0-9]{1,6})?"),
    }
)
"""The closed list of kinds, each with the form of its argument: a flow's uid, what is refreshed, nothing, a level, a
version. Nothing of it is ever a program, a path or a text that a shell would read."""
KINDS = frozenset(ARGUMENTS)
DONE, REFUSED = "done", "refused"
"""What became of a command that is no slice, as the next heartbeat says it."""
LONGEST = 4096
"""Bytes of a statement."""
_PREFIX = b"czujka command 1\n"


class BadCommand(ValueError):
    """What was sent is no command of these kinds."""


class Command(NamedTuple):
    """A command: its number at the box, whom it is for, what to do, with what, until when (µs)."""

    id: int
    agent: str
    kind: str
    argument: str
    until: int

    def statement(self) -> str:
        """Return the text that is signed."""
        return json.dumps(self._asdict(), sort_keys=True, separators=(",", ":"))


def is_uid(text: str) -> bool:
    """Tell whether a text has the form of a flow's uid, as Zeek and our sensor write them."""
    return fits(SLICE, text)


def fits(kind: str, argument: str) -> bool:
    """Tell whether a kind is of the list and the argument of its form."""
    form = ARGUMENTS.get(kind)
    return form is not None and form.fullmatch(argument) is not None


def signed_bytes(statement: str) -> bytes:
    """Return what the signature is over."""
    return _PREFIX + statement.encode("utf-8", "surrogatepass")


def parse(statement: object) -> Command:
    """Return the command of a statement; raises BadCommand."""
    if not isinstance(statement, str) or len(statement) > LONGEST:
        raise BadCommand("a statement is a short text")
    try:
        command = Command(**json.loads(statement))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCommand("not the fields of a command") from error
    numbers = (command.id, command.until)
    if any(isinstance(one, bool) or not isinstance(one, int) or not 0 < one < 1 << 62 for one in numbers):
        raise BadCommand("a number is none")
    if not all(isinstance(one, str) for one in (command.agent, command.kind, command.argument)):
        raise BadCommand("a text is none")
    if not fits(command.kind, command.argument):
        raise BadCommand("an unknown kind, or not the argument of its form")
    return command
