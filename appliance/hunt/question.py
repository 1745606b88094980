"""A rule as a question to a store that every event answers which satisfies the rule, and perhaps others.

What the language of the store says otherwise than Sigma is widened, never narrowed: only the ASCII of a text is asked
for, the rest becomes `*`; a regular expression becomes the literals that it cannot do without; a negation asks nothing.
Two things need care. `ſ` folds to `s` in rules and not in the store: events with one in a field of the rule are asked
for beside. And numbers with a fraction are written `1.0` by the store and `1` by rules: where a text may be part of a
number, numbers are asked for, too. (Not covered: integers of more than 4096 bits, which rules read in hexadecimal.)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Any

from appliance.detect import Rule
from appliance.detect.fitted import fitted
from appliance.detect.nodes import FOLDED, All, AnyOf, Atom, Const, Op, all_of
from appliance.detect.nodes import Node as Condition
from appliance.detect.nodes import Not as Negation
from appliance.detect.nodes import Wild as Wildcard
from appliance.detect.predicates import unmapped
from appliance.detect.regexes import required_literals
from appliance.detect.routes import Feed, Routes, shipped_routes
from appliance.hunt.kinds import Keys, keys_of
from appliance.search import Field, Kind, Node
from appliance.search.fields import columns
from appliance.search.nodes import And, Everything, Exact, Exists, Leaf, Network, Numbers, Or, Pattern, Test, Wild

EVERYTHING = Everything()
NOTHING = Or(())
LONG_S = "ſ"
_NUMERIC = re.compile(r"[-+.0-9aefin]*")
"""What the text of a number consists of, in lower case: nan, inf and 1e+20 among them."""
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_EDGES = {Op.EQUALS: (False, False), Op.STARTSWITH: (False, True), Op.ENDSWITH: (True, False)}
"""Whether something may stand before and after the text."""
Parts = tuple[str | Wild, ...]


def question(rules: Iterable[Rule], routes: Routes | None = None, most: int | None = None) -> Node | None:
    """Return a question for the events that any of these rules may find; None when no source feeds one of them.

    With more than `most` comparisons it is one for all events.
    """
    feeds = ((feed, rule) for rule in rules for feed in (routes or shipped_routes()).feeds(rule.logsource))
    found: dict[Node, None] = {}
    count = 0
    for feed, rule in feeds:
        part = _and([of_feed(feed), _widened_rule(rule, feed)])
        count += 0 if part in found else sum(1 for _ in leaves(part))
        if part == EVERYTHING or (most is not None and count > most):
            return EVERYTHING
        found[part] = None
    whole = _or([*found])
    return None if whole == NOTHING else whole


def of_feed(feed: Feed) -> Node:
    """Return a question for the events of a feed."""
    demands: tuple[tuple[str, Kind, frozenset[Any] | None], ...] = (
        ("event.module", Kind.KEYWORD, feed.modules),
        ("winlog.channel", Kind.KEYWORD, feed.channels),
        ("event.code", Kind.LONG, feed.codes),
        ("event.category", Kind.KEYWORD, feed.categories),
    )
    return _and([
        _or([Leaf((Field(name, kind),), Exact(value)) for value in sorted(values)])
        for name, kind, values in demands
        if values and "" not in values
    ])  # fmt: skip


def _widened_rule(rule: Rule, feed: Feed) -> Node:
    condition, keys = all_of([feed.where, rule.node]), keys_of(feed)
    wide = widened(condition, keys)
    if wide in (EVERYTHING, NOTHING):
        return wide
    return _or([wide, *_long_s(wide)])


def widened(node: Condition, keys: Keys) -> Node:
    """Return a question that every event answers which satisfies a condition."""
    if isinstance(node, Const):
        return EVERYTHING if node.value else NOTHING
    if isinstance(node, Negation):
        return EVERYTHING
    if isinstance(node, All):
        return _and([widened(child, keys) for child in node.children])
    if isinstance(node, AnyOf):
        return _or([widened(child, keys) for child in node.children])
    return _atom(node, keys)


def _atom(atom: Atom, keys: Keys) -> Node:
    if atom.op in {Op.NULL, Op.EXISTS, Op.TIME}:
        return EVERYTHING
    if atom.field is None:
        return _keyword(atom)
    asked: dict[Atom, list[Field]] = defaultdict(list)
    for key in keys(atom.field):
        asked[fitted(atom, key)].append(Field(key, _kind(key)))
    return _or([Leaf(tuple(fields), test) for one, fields in asked.items() for test in _tests(one)])


def _keyword(atom: Atom) -> Node:
    if atom.op not in {*FOLDED, *FOLDED.values(), Op.REGEX}:
        return EVERYTHING
    tests = _tests(atom)
    if not all(isinstance(test, Pattern) and _only_text(test) for test in tests):
        # Without a field the store only looks at texts.
        return EVERYTHING
    return _or([Leaf((), test) for test in tests])


def _kind(key: str) -> Kind:
    return columns().get(key, Kind.KEYWORD)


def _tests(atom: Atom) -> list[Test]:
    """Return tests of which a satisfying value passes one."""
    op = FOLDED.get(atom.op, atom.op)
    if op in {*_EDGES, Op.CONTAINS, Op.LIKE}:
        wanted = atom.wanted if op is Op.LIKE else (str(atom.wanted),)
        assert isinstance(wanted, tuple)
        return _texts(_parts(wanted), *_EDGES.get(op, (False, False)), inside=op is Op.CONTAINS or atom.field is None)
    if op is Op.REGEX:
        assert isinstance(atom.wanted, tuple)
        literals = required_literals(str(atom.wanted[0]), str(atom.wanted[1])) or ("",)
        return [test for one in sorted(literals) for test in _texts(_parts((one,)), False, False, inside=True)]
    if op is Op.CIDR:
        network = unmapped(ip_network(str(atom.wanted)))
        # What follows a % is cut off by rules, whatever it is; the store only knows zones.
        first, last = int(network.network_address), int(network.broadcast_address)
        return [Network(network.version, first, last), Pattern(("%",), True)]
    # A comparison reads texts as numbers, a reference reads another field: all that is known is that there is a value.
    return [Exists()]


def _parts(wanted: Iterable[object]) -> Parts:
    """Return texts and wildcards as the store can ask for them: ASCII in lower case, `*` for all else."""
    found: list[str | Wild] = []
    for part in wanted:
        for text in [None] if isinstance(part, Wildcard) else _split(str(part).lower()):
            if text is None and (not found or found[-1] is not Wild.MANY):
                found.append(Wild.MANY)
            elif text:
                found.append(text)
    return tuple(found)


def _split(text: str) -> list[str | None]:
    pieces: list[str | None] = []
    for piece in _NON_ASCII.split(text):
        pieces += [None, piece] if pieces else [piece]
    return pieces


def _texts(parts: Parts, before: bool, after: bool, *, inside: bool) -> list[Test]:
    edged = (*((Wild.MANY,) if before else ()), *parts, *((Wild.MANY,) if after else ()))
    tests: list[Test] = [Pattern(parts, True) if inside else Pattern(edged, False)]
    if all(_NUMERIC.fullmatch(part) for part in parts if isinstance(part, str)):
        tests.append(Numbers(None, None))
    return tests


def _long_s(node: Node) -> list[Node]:
    """Return a question for events with a `ſ` where one is asked for a text with an `s`."""
    asked = [leaf for leaf in leaves(node) if isinstance(leaf.test, Pattern) and _has_s(leaf.test)]
    if any(not leaf.fields for leaf in asked):
        return [Leaf((), Pattern((LONG_S,), True))]
    fields = {field for leaf in asked for field in leaf.fields}
    return [Leaf(tuple(sorted(fields, key=lambda one: one.name)), Pattern((LONG_S,), True))] if fields else []


def _only_text(test: Pattern) -> bool:
    """Whether what is asked for cannot be part of a number or a truth value."""
    texts = [part for part in test.parts if isinstance(part, str)]
    return not all(_NUMERIC.fullmatch(text) or text in "true" or text in "false" for text in texts)


def _has_s(test: Pattern) -> bool:
    return any(isinstance(part, str) and "s" in part for part in test.parts)


def leaves(node: Node) -> Iterable[Leaf]:
    """Yield the comparisons of a question."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from leaves(child)


def _and(parts: Sequence[Node]) -> Node:
    if NOTHING in parts:
        return NOTHING
    kept = tuple(part for part in parts if part != EVERYTHING)
    return kept[0] if len(kept) == 1 else And(kept) if kept else EVERYTHING


def _or(parts: Sequence[Node]) -> Node:
    if EVERYTHING in parts:
        return EVERYTHING
    kept = tuple(dict.fromkeys(part for part in parts if part != NOTHING))
    return kept[0] if len(kept) == 1 else Or(kept)
