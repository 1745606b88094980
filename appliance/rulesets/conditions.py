"""What an exception says of events, as a Sigma filter: fields with values, each of which must hold.

Several conditions for one field and one way to compare are alternatives: one of their values is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from appliance.detect.regexes import RegexRefused, required_literals, searcher
from appliance.detect.written import escaped

MAX_CONDITIONS = 40
"""Values in one exception."""
MAX_VALUE = 4096
MAX_REGEX = 500
"""Characters of one regular expression."""
LEAST = 3
"""Characters of text that a part of a value must have; less would hide what nobody looked at."""
WIDEST = {4: 16, 6: 48}
"""The shortest prefix of a network, by IP version."""
TELLING = 8
"""Characters of text that a part must have to say by itself what an exception of any rule is about."""
NARROWEST = {4: 24, 6: 64}
"""The shortest prefix of a network that does so, by IP version."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,119}")


class How(StrEnum):
    """How a field's value is compared; letters of either case are alike."""

    IS = "is"
    STARTS = "startswith"
    ENDS = "endswith"
    CONTAINS = "contains"
    NETWORK = "cidr"
    REGEX = "re"


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
        if self.how is How.IS:
            return self.field
        return f"{self.field}|re|i" if self.how is How.REGEX else f"{self.field}|{self.how}"

    @property
    def written(self) -> str:
        """The value in a Sigma selection, where it stands for itself: a text's wildcards, too."""
        if self.how is How.NETWORK:
            return self.value.strip()
        return self.value if self.how is How.REGEX else escaped(self.value)

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


def narrow(conditions: Iterable[Condition]) -> bool:
    """Say whether some condition by itself tells what is meant: all its values, as one of them is enough."""
    return any(all(map(_narrow, alike)) for alike in by_line(conditions).values())


_COMMON = frozenset({"event.module", "event.category", "event.code", "EventID", "Channel", "winlog.channel",
                     "Provider_Name", "event.provider", "event.action", "audit.type", "event.outcome"})  # fmt: skip
"""Fields that all events of a rule may share: alone they are no scope."""


_STATION = frozenset({"host.name", "host.hostname", "host.id", "host.ip", "agent.id", "agent.name", "Computer",
                      "ComputerName", "Hostname", "HostName"})  # fmt: skip
"""Fields that say which station: for any rule they would make Czujka blind to it."""


def _tells(one: Condition) -> bool:
    return one.field not in _COMMON


def _narrow(one: Condition) -> bool:
    if one.field in _COMMON or one.field in _STATION:
        return False
    if one.how is How.NETWORK:
        network = _network(one)
        return network.prefixlen >= NARROWEST[network.version]
    if one.how is How.REGEX:
        return _fixed(one.value, TELLING)
    return len(_bare(one.value)) >= (LEAST if one.how is How.IS else TELLING)


def _bare(text: str) -> str:
    return text.strip("*?\\/. ")


def _check(one: Condition) -> None:
    if not _FIELD.fullmatch(one.field):
        raise TooWide("bad_field", one.field[:120])
    if not one.value.strip() or len(one.value) > MAX_VALUE:
        raise TooWide("no_value", one.field)
    if one.how is How.NETWORK:
        network = _network(one)
        if network.prefixlen < WIDEST[network.version]:
            raise TooWide("wide_network", one.field)
    elif one.how is How.REGEX:
        _check_regex(one)
    elif one.how is not How.IS and len(_bare(one.value)) < LEAST:
        raise TooWide("short_value", one.field)


def _network(one: Condition) -> IPv4Network | IPv6Network:
    try:
        return ip_network(one.value.strip())
    except ValueError as error:
        raise TooWide("bad_network", one.field) from error


def _check_regex(one: Condition) -> None:
    if len(one.value) > MAX_REGEX:
        raise TooWide("long_regex", one.field)
    try:
        searcher(one.value, "i")
    except RegexRefused as error:
        raise TooWide("bad_regex", one.field) from error
    if not _fixed(one.value, LEAST):
        raise TooWide("wide_regex", one.field)


def _fixed(expression: str, least: int) -> bool:
    """Say whether every text that an expression finds has so many telling characters that stand in it."""
    literals = required_literals(expression, "i", least)
    return literals is not None and all(len(_bare(text)) >= least for text in literals)
