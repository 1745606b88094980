"""Names of DNS: what somebody registered, and what never leaves the office."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "data"
#: Last labels of names that no public server answers (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`, and habit).
LOCAL = frozenset({"arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain"})
LONGEST = 253
_TOP = re.compile(r"[a-z]{2,24}|xn--[a-z0-9-]{1,59}")
"""Labels of the root zone have letters alone, or are written in Punycode (RFC 1123, RFC 5890)."""


@lru_cache(maxsize=4)
def lines(name: str) -> frozenset[str]:
    """Return the lines of a file of data that are no remarks."""
    text = (FOLDER / name).read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


@lru_cache(maxsize=16_384)
def split(name: str) -> tuple[str, str]:
    """Return (what stands before, registered domain) of a name in small letters.

    Both are empty for what nobody can register: a single label, names of the office alone, suffixes.
    """
    if len(name) > LONGEST:
        return "", ""
    labels = name.rstrip(".").lower().split(".")
    if len(labels) < 2 or labels[-1] in LOCAL or not all(labels) or not _TOP.fullmatch(labels[-1]):
        return "", ""
    taken = 1
    while taken < len(labels) and ".".join(labels[-taken - 1 :]) in lines("suffixes.txt"):
        taken += 1
    if taken == len(labels):
        return "", ""
    return ".".join(labels[: -taken - 1]), ".".join(labels[-taken - 1 :])


def registered(name: str) -> str:
    """Return the domain that somebody registered; empty for what nobody can."""
    return split(name)[1]


def nowhere(name: str) -> bool:
    """Tell whether a name ends as no public name does: who asks it knows the server that answers."""
    last = name.rstrip(".").lower().rpartition(".")[2]
    return bool(last) and not last.isdigit() and not _TOP.fullmatch(last) and last.isascii()


@lru_cache(maxsize=16_384)
def serves_all(name: str) -> bool:
    """Tell whether a name belongs to a service that programs of an office ask by themselves."""
    labels = name.rstrip(".").lower().split(".")
    return any(".".join(labels[place:]) in lines("services.txt") for place in range(len(labels) - 1))
