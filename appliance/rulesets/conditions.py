"""What an exception says of events, as a Sigma filter: fields with values, each of which must hold.

Several conditions for one field and one way to compare are alternatives: one of their values is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Any

import yaml

from appliance.detect.written import escaped

MAX_CONDITIONS = 40
"""Values in one exception."""
MAX_VALUE = 4096
TITLE = 255
"""Characters of a title that a Sigma filter may have."""
LEAST = 3
"""Characters of text that a part of a value must have; less would hide what nobody looked at."""
WIDEST = {4: 16, 6: 48}
"""The shortest prefix of a network, by IP version."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,119}")


class How(StrEnum):
    """How a field's value is compared; letters of either case are alike."""

    IS = "is"
    STARTS = "startswith"
    ENDS = "endswith"
    CONTAINS = "contains"
    NETWORK = "cidr"


class TooWide(ValueError):
    """The exception would hide more than it says; `code` names the text that says why, `field` the place."""

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(f"{code}: {field}")
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Condition:
    """One demand on an event: a field by its Sigma name or event key, how, and the literal value."""

    field: str
    how: How
    value: str

    @property
    def line(self) -> str:
        """The key of a Sigma selection."""
        return self.field if self.how is How.IS else f"{self.field}|{self.how}"

    def dump(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return {"field": self.field, "how": self.how.value, "value": self.value}


def load_conditions(plain: Iterable[Mapping[str, str]]) -> tuple[Condition, ...]:
    """Return the conditions of plain values. Raises TooWide, KeyError, ValueError."""
    return checked(Condition(one["field"], How(one["how"]), one["value"]) for one in plain)


def checked(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Return the conditions. Raises TooWide: none at all, no value, a value that says next to nothing."""
    found = tuple(conditions)
    if not found:
        raise TooWide("no_condition")
    if len(found) > MAX_CONDITIONS:
        raise TooWide("too_many")
    if len(set(found)) < len(found):
        raise TooWide("twice", next(one.field for one in found if found.count(one) > 1))
    for one in found:
        _check(one)
    if not any(_tells(one) for one in found):
        raise TooWide("only_common", found[0].field)
    return found


def by_line(conditions: Iterable[Condition]) -> dict[str, list[Condition]]:
    """Return the conditions by what they compare and how; those of one line are alternatives."""
    found: dict[str, list[Condition]] = {}
    for one in conditions:
        found.setdefault(one.line, []).append(one)
    return found


def _values(alike: Sequence[Condition]) -> str | list[str]:
    texts = [one.value.strip() if one.how is How.NETWORK else escaped(one.value) for one in alike]
    return texts if len(texts) > 1 else texts[0]


_COMMON = frozenset({"event.module", "event.category", "event.code", "EventID", "Channel", "winlog.channel",
                     "Provider_Name", "event.provider", "event.action", "audit.type", "event.outcome"})  # fmt: skip
"""Fields that all events of a rule may share: alone they are no scope."""


def _tells(one: Condition) -> bool:
    return one.field not in _COMMON


def _check(one: Condition) -> None:
    if not _FIELD.fullmatch(one.field):
        raise TooWide("bad_field", one.field[:120])
    if not one.value.strip() or len(one.value) > MAX_VALUE:
        raise TooWide("no_value", one.field)
    if one.how is How.NETWORK:
        try:
            network = ip_network(one.value.strip())
        except ValueError as error:
            raise TooWide("bad_network", one.field) from error
        if network.prefixlen < WIDEST[network.version]:
            raise TooWide("wide_network", one.field)
    elif one.how is not How.IS and len(one.value.strip("*?\\/. ")) < LEAST:
        raise TooWide("short_value", one.field)


def document(
    *, identity: str, title: str, description: str, author: str, rule_id: str,
    logsource: Mapping[str, str], conditions: Iterable[Condition],
) -> str:  # fmt: skip
    """Return the exception as the text of a Sigma filter; every value stands for itself, wildcards too."""
    selection = {line: _values(alike) for line, alike in by_line(conditions).items()}
    plain: dict[str, Any] = {
        "title": title[:TITLE],
        "id": identity,
        "description": description,
        "author": author,
        "logsource": dict(logsource),
        "filter": {"rules": [rule_id], "selection": selection, "condition": "not selection"},
    }
    return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=10_000)
