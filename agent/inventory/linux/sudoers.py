"""The grants of a sudoers file (sudoers(5)), as far as posture needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_NOT_A_GRANT = ("Defaults", "User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "@include", "#include")
_GRANT = re.compile(r"(\S+)\s+[^=]{1,200}=\s*(.+)")
_TAGS = re.compile(r"\([^)]*\)|\b[A-Z_]+:(?=\s*\S)")


_NO_QUESTION = re.compile(r"Defaults(?:[:@!>]\s*(\S+))?\s(?:.*[\s,])?!\s*authenticate\b")
_INCLUDE = re.compile(r"[@#]include(?:dir)?\s+(\S.*)")


class Grant(NamedTuple):
    """Who may run what; `no_password` where any of it needs no password."""

    who: str
    commands: str
    no_password: bool


def unasked(text: str) -> Iterator[str]:
    """Return for whom a file switches the question for a password off as a whole (`Defaults !authenticate`)."""
    for line in text.replace("\\\n", " ").splitlines():
        found = _NO_QUESTION.match(line.strip().split(" #", 1)[0])
        if found is not None:
            yield found[1] or "ALL"


def includes(text: str) -> Iterator[str]:
    """Return the other files and folders that a file includes."""
    for line in text.splitlines():
        found = _INCLUDE.match(line.strip())
        if found is not None:
            yield found[1].strip().strip('"')


def grants(text: str) -> Iterator[Grant]:
    """Return the grants of one file; comments and continued lines are understood, aliases are not resolved."""
    for line in text.replace("\\\n", " ").splitlines():
        plain = line.strip()
        if not plain or plain.startswith(_NOT_A_GRANT) or (plain.startswith("#") and not plain[1:2].isdigit()):
            continue
        found = _GRANT.match(plain.split(" #", 1)[0].strip())
        if found is None:
            continue
        commands = " ".join(_TAGS.sub(" ", found[2]).split())
        yield Grant(found[1], commands, "NOPASSWD:" in found[2])
