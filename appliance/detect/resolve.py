"""A rule's condition for one class of events: field names become event keys, known values become constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .compiled import compile_node
from .fitted import fitted
from .moments import LOCAL, MOMENT
from .nodes import FALSE, TRUE, All, AnyOf, Atom, Const, Node, Not, Op, all_of, any_of, negate
from .routes import EventClass, Feed
from .values import Value

#: From a Sigma field name to the event key, for one class of events.
Resolver = Callable[[str], str]
ResolverFactory = Callable[[EventClass], Resolver]


def with_renames(resolver: Resolver, renames: Mapping[str, str]) -> Resolver:
    """A resolver that first gives a field its other Sigma name. When something happened is one key everywhere."""
    return lambda name: name if name == MOMENT else resolver(renames.get(name, name))


def facts(kind: EventClass) -> dict[str, Value]:
    """What every event of a class has in common."""
    known: dict[str, Value] = {"event.module": kind.module}
    if kind.channel is not None:
        known["winlog.channel"] = kind.channel
    if kind.code is not None:
        known["event.code"] = kind.code
    return known


def applied(condition: Node, feed: Feed, resolver: Resolver, known: Mapping[str, Value]) -> Node:
    """The condition of a rule fed by `feed`, over event keys."""
    resolver = with_renames(resolver, feed.renames)
    return _resolved(all_of([feed.where, condition]), resolver, known)


def resolved(node: Node, resolver: Resolver) -> Node:
    """A condition in Sigma's names over event keys."""
    return _resolved(node, resolver, {})


def _resolved(node: Node, resolver: Resolver, known: Mapping[str, Value]) -> Node:
    if isinstance(node, All):
        # Not lists: what follows a part that decides the whole is not looked at.
        return all_of((_resolved(child, resolver, known) for child in node.children), node.name)
    if isinstance(node, AnyOf):
        return any_of((_resolved(child, resolver, known) for child in node.children), node.name)
    if isinstance(node, Not):
        return negate(_resolved(node.child, resolver, known))
    if isinstance(node, Const) or node.field is None:
        return node
    atom = with_keys(node, resolver)
    if atom.field in known and atom.op is not Op.FIELD:
        return TRUE if compile_node(atom)(known) else FALSE
    return atom


def with_keys(atom: Atom, resolver: Resolver) -> Atom:
    """The atom over event keys, asking for what events have there."""
    assert atom.field is not None
    if atom.op is Op.FIELD:
        assert isinstance(atom.wanted, tuple)
        return replace(atom, field=resolver(atom.field), wanted=(resolver(str(atom.wanted[0])), str(atom.wanted[1])))
    if atom.field in LOCAL:
        return Atom(MOMENT, atom.op, atom.wanted)
    key = resolver(atom.field)
    return fitted(Atom(key, atom.op, atom.wanted), key)
