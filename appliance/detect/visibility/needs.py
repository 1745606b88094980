"""Whether a rule can see at all, given which fields its events have. Pure.

An atom on a field that no event has has one truth: the one it has for a missing field. Every other atom may be either.
A condition that cannot be true under any of these is blind. Atoms count as independent of each other, so a rule
that is called blind truly is; one that contradicts itself on present fields is not found here.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.detect.compiled import compile_node
from appliance.detect.nodes import All, Atom, Const, Node, Not, Op, atoms

#: Whether events have had a field, by its event key.
Has = Callable[[str], bool]


def can_match(node: Node, has: Has) -> bool:
    """Whether a condition over event keys may be true when no event has the fields that `has` denies."""
    return _truths(node, has)[0]


def _truths(node: Node, has: Has) -> tuple[bool, bool]:
    """Return whether a condition may be true, and whether it may be false."""
    if isinstance(node, Const):
        return node.value, not node.value
    if isinstance(node, Not):
        true, false = _truths(node.child, has)
        return false, true
    if isinstance(node, Atom):
        return (True, True) if all(map(has, _looked_at(node))) else _absent(node)
    parts = [_truths(child, has) for child in node.children]
    if isinstance(node, All):
        return all(true for true, _ in parts), any(false for _, false in parts)
    return any(true for true, _ in parts), all(false for _, false in parts)


def _absent(atom: Atom) -> tuple[bool, bool]:
    truth = bool(compile_node(atom)({}))
    return truth, not truth


def _looked_at(atom: Atom) -> tuple[str, ...]:
    """Return the event keys that an atom compares; a keyword looks at the whole event."""
    if atom.field is None:
        return ()
    if atom.op is Op.FIELD:
        assert isinstance(atom.wanted, tuple)
        return atom.field, str(atom.wanted[0])
    return (atom.field,)


def missing(node: Node, has: Has) -> frozenset[str]:
    """Return the keys a condition looks at that no event has had."""
    return frozenset(key for atom in atoms(node) for key in _looked_at(atom) if not has(key))


def needed(node: Node, has: Has) -> frozenset[str]:
    """Return the missing keys that blind a condition; empty when it can match.

    These are the keys without any one of which it cannot match; where each could be done without but not all at
    once, they are all the missing ones whose presence would help.
    """
    gone = missing(node, has)
    if can_match(node, has):
        return frozenset()
    alone = frozenset(key for key in gone if not can_match(node, lambda other, key=key: other != key))  # type: ignore[misc]
    if alone:
        return alone
    return frozenset(key for key in gone if _helps(node, key))


def _helps(node: Node, key: str) -> bool:
    """Whether some atom on a missing key is one that only an event with the field can make true."""
    return any(key in _looked_at(atom) and not _absent(atom)[0] for atom in atoms(node))


__all__ = ["Has", "can_match", "missing", "needed"]
