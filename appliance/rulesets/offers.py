"""Which fields of an event an exception may name: those that the rule looked at, and those that say whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.detect import Engine, Rule, RuleSet
from appliance.detect.nodes import All, AnyOf, Atom, Node, Not
from appliance.detect.values import Event

from .conditions import MAX_VALUE

OFFERED = 20
_SCOPE = (
    "host.name",
    "user.name",
    "process.executable",
    "process.command_line",
    "process.parent.executable",
    "file.path",
    "source.ip",
    "destination.ip",
    "destination.domain",
    "service.name",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A field with the event's value; `matched` says that the rule rests on it."""

    field: str
    value: str
    matched: bool


def offers(rule: Rule, event: Event) -> list[Offer]:
    """Return what may be chosen, what the rule rests on first; a value that is told twice is offered once."""
    found = Engine(RuleSet([rule], [])).matched_fields(rule, event)
    # What the log source demands of every event of it is nothing to choose by.
    own = _fields(rule.node)
    pairs: list[tuple[str, object, bool]] = [(name, found[name], True) for name in found if name in own]
    pairs += [(name, event.get(name), False) for name in _SCOPE]
    made: dict[str, Offer] = {}
    seen: set[str] = set()
    for name, value, matched in pairs:
        text = _text(value)
        if text and name not in made and text not in seen:
            made[name] = Offer(name, text, matched)
            seen.add(text)
    return list(made.values())[:OFFERED]


def _fields(node: Node) -> set[str]:
    """Return the fields that a condition names."""
    if isinstance(node, All | AnyOf):
        return {name for child in node.children for name in _fields(child)}
    if isinstance(node, Not):
        return _fields(node.child)
    return {node.field} if isinstance(node, Atom) and node.field else set()


def _text(value: object) -> str:
    """Return a value as an exception may name it: of several the first; nothing where there is nothing to name.

    What cannot be seen cannot be chosen, nor what a form would send in another shape.
    """
    first = value[0] if isinstance(value, tuple) and value else value
    said = "" if first is None or isinstance(first, (bool, tuple)) else str(first)
    return said if said.strip() and len(said) <= MAX_VALUE and said.isprintable() else ""
