"""Values without quotes that YAML reads as something else than what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from appliance.detect.faulty import Refused
from appliance.detect.modifiers import Number, value_of
from appliance.detect.moments import PARTS
from appliance.detect.values import fold, text

from .model import Finding, RuleText

_TYPES = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool"))
#: Modifiers under which a value is compared as a number.
_NUMBERS = frozenset({"lt", "lte", "gt", "gte", *PARTS})
_SIGNS = 60


@dataclass(frozen=True, slots=True)
class Plain:
    """A value of a rule that is no text to YAML, and the modifiers that it stands under."""

    node: yaml.ScalarNode
    modifiers: frozenset[str]


def unquoted(rule: RuleText, part: yaml.Node) -> Iterator[Finding]:
    """A finding for each value under a search identifier that is compared as another text than the one written."""
    for plain in _plain(part, frozenset()):
        read = _read(plain)
        if read is not None:
            written = str(plain.node.value)[:_SIGNS]
            line = int(plain.node.start_mark.line) + 1
            yield Finding(rule.file, line, "R27", {"value": written, "read": read[:_SIGNS]})


def _plain(part: yaml.Node, modifiers: frozenset[str]) -> Iterator[Plain]:
    if isinstance(part, yaml.ScalarNode):
        if part.tag in _TYPES and "exists" not in modifiers:
            yield Plain(part, modifiers)
    elif isinstance(part, yaml.SequenceNode):
        for each in part.value:
            yield from _plain(each, modifiers)
    elif isinstance(part, yaml.MappingNode):
        for key, value in part.value:
            yield from _plain(value, frozenset(str(key.value).split("|")[1:]))


def _read(plain: Plain) -> str | None:
    """What a value is compared as, when that is not what stands there; None when it is."""
    try:
        value = value_of(yaml.constructor.SafeConstructor().construct_object(plain.node), regex=False)
    except Refused:
        # The load has said so.
        return None
    if not isinstance(value, Number):
        return None if fold(text(value)) == fold(plain.node.value) else text(value)
    said = text(value.number)
    if plain.modifiers & _NUMBERS:
        return None if _decimal(plain.node.value) == float(value.number) else said
    return None if said == plain.node.value else said


def _decimal(written: str) -> float | None:
    try:
        return float(written) if "_" not in written else None
    except ValueError:
        return None
