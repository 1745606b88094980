"""What an administrator has switched off for one agent: a statement that the box signs and the agent keeps.

JSON with sorted keys; the signature (ECDSA, P-256, SHA-256) of the box's CA is over a prefix and exactly these bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from agent.wire.categories import CATEGORIES, OFF_AT_FIRST

LONGEST = 8192
"""Characters of a statement."""
HIGHEST = 1 << 62
"""Above every number and moment that counts."""
_PREFIX = b"czujka policy 1\n"
_NAME = 120


class BadPolicy(ValueError):
    """What was sent is no policy."""


class Off(NamedTuple):
    """A category that is off: its key, who switched it off (empty: it is so at first), when (µs, 0 likewise)."""

    category: str
    by: str
    since: int


class Policy(NamedTuple):
    """For whom, when it was signed (µs of the box's clock), what is off, and which one it is for this agent.

    Each has a higher number than the one before it, whatever the box's clock did meanwhile; 0 is of an older box.
    """

    agent: str
    issued: int
    off: tuple[Off, ...]
    number: int = 0

    def follows(self, other: Policy) -> bool:
        """Tell whether this one was decided after the other."""
        return (self.number, self.issued) > (other.number, other.issued)

    @property
    def categories(self) -> frozenset[str]:
        """The keys of what is off."""
        return frozenset(one.category for one in self.off)

    def statement(self) -> str:
        """Return the text that is signed."""
        value = {"agent": self.agent, "issued": self.issued, "off": [list(one) for one in sorted(self.off)]}
        if self.number:
            value["number"] = self.number
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


AT_FIRST = Policy("", 0, tuple(Off(name, "", 0) for name in sorted(OFF_AT_FIRST)))
"""What holds while the box has said nothing."""


def digest(off: Iterable[Off]) -> str:
    """Return what both ends compare to know whether the agent has this policy, 32 hex digits."""
    text = json.dumps([list(one) for one in sorted(off)], separators=(",", ":"), ensure_ascii=False)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def signed_bytes(statement: str) -> bytes:
    """Return what the signature is over."""
    return _PREFIX + statement.encode("utf-8", "surrogatepass")


def parse(statement: object) -> Policy:
    """Return the policy of a statement; raises BadPolicy. A category that this version does not know is left out."""
    if not isinstance(statement, str) or len(statement) > LONGEST:
        raise BadPolicy("a statement is a short text")
    try:
        value = json.loads(statement)
        agent, issued, off, number = value["agent"], value["issued"], value["off"], value.get("number", 0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadPolicy("not the fields of a policy") from error
    if not isinstance(agent, str) or not (_bounded(issued) and _bounded(number)) or not isinstance(off, list):
        raise BadPolicy("a field of another type")
    found = [_off(one) for one in off[: 4 * len(CATEGORIES)]]
    return Policy(agent, issued, tuple(one for one in found if one.category in CATEGORIES), number)


def _off(value: object) -> Off:
    if not isinstance(value, list) or len(value) != 3:
        raise BadPolicy("not a switch")
    category, by, since = value
    if not isinstance(category, str) or not isinstance(by, str) or not _bounded(since):
        raise BadPolicy("a field of a switch is of another type")
    return Off(category, "".join(sign for sign in by[:_NAME] if sign.isprintable()), since)


def _bounded(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < HIGHEST
