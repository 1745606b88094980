"""What a rule's compiled condition says: whether it can be true, whether it can be false, what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import product

from appliance.detect.clauses import Kind, guess, necessary
from appliance.detect.explain import wanted_text
from appliance.detect.model import Rule
from appliance.detect.nodes import FALSE, All, AnyOf, Atom, Node, Not, negate
from appliance.detect.resolve import ResolverFactory, applied, facts
from appliance.detect.routes import EventClass, Feed, Routes

from .model import Finding, RuleText
from .satisfy import Clash, impossible

_TEXTUAL = frozenset({Kind.EQUALS, Kind.PREFIX, Kind.SUFFIX, Kind.INFIX, Kind.ATOM})
#: Classes of events that one rule is tried against.
_CLASSES = 500


def meaning(rule: Rule, text: RuleText, routes: Routes, resolvers: ResolverFactory) -> Iterator[Finding]:
    """Every finding that one rule's condition gives."""
    node = rule.node
    at = partial(text.finding, title=rule.title)
    never = impossible(node)
    if never.never:
        yield at("R02", "detection", "condition", why=why(never.clash))
    elif impossible(negate(node)).never:
        yield at("R03", "detection", "condition")
    else:
        yield from _narrower(rule, node, at, routes, resolvers)
    for name, part in _named(node):
        verdict = impossible(part)
        if verdict.never and not never.never:
            yield at("R05", "detection", name, name=name, why=why(verdict.clash))


_At = Callable[..., Finding]


def _narrower(rule: Rule, node: Node, at: _At, routes: Routes, resolvers: ResolverFactory) -> Iterator[Finding]:
    single = impossible(node, lists=False)
    if single.never:
        yield at("R04", "detection", "condition", why=why(single.clash))
    feeds = routes.feeds(rule.logsource)
    if not feeds:
        yield at("R06", "logsource", source=str(rule.logsource))
    elif all(_shut_out(rule, feed, resolvers) for feed in feeds):
        yield at("R07", "logsource", source=str(rule.logsource))
    if not _asks(node):
        yield at("R08", "detection", "condition")


def _shut_out(rule: Rule, feed: Feed, resolvers: ResolverFactory) -> bool:
    """Whether no event of a feed can satisfy the rule; never for a feed of any channel or code."""
    kinds = _kinds(feed)
    return bool(kinds) and all(_never_in(rule, feed, kind, resolvers) for kind in kinds)


def _kinds(feed: Feed) -> list[EventClass]:
    if not feed.modules or not feed.channels or not feed.codes:
        return []
    size = len(feed.modules) * len(feed.channels) * len(feed.codes)
    if size > _CLASSES:
        return []
    return [EventClass(*kind) for kind in product(sorted(feed.modules), sorted(feed.channels), sorted(feed.codes))]


def _never_in(rule: Rule, feed: Feed, kind: EventClass, resolvers: ResolverFactory) -> bool:
    node = applied(rule.node, feed, resolvers(kind), facts(kind))
    return node == FALSE or impossible(node).never


def _asks(node: Node) -> bool:
    """Whether an event must hold some text before the rule is worth deciding."""
    clauses = necessary(node, guess)
    return any(all(literal.kind in _TEXTUAL for literal in clause) for clause in clauses)


def _named(node: Node) -> list[tuple[str, Node]]:
    """Each search identifier that the condition uses, once."""
    found: dict[str, Node] = {}
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Not):
            todo.append(part.child)
        elif isinstance(part, All | AnyOf):
            if part.name:
                found.setdefault(part.name, part)
            else:
                todo.extend(part.children)
    return sorted(found.items())


def why(clash: Clash | None) -> str:
    """The two comparisons that cannot hold together, as a rule writes them."""
    if clash is None:
        return "–"
    return f"{'not ' if clash.negated else ''}{_written(clash.second)} / {_written(clash.first)}"


def _written(atom: Atom) -> str:
    name = atom.field or "keywords"
    return f"{name}|{atom.op.value}: {wanted_text(atom)}"[:120]


def same_conditions(rules: Iterable[Rule], texts: Mapping[tuple[str, int], RuleText]) -> Iterator[Finding]:
    """Every rule whose log source and condition an earlier rule has as well."""
    first: dict[object, Rule] = {}
    for rule in rules:
        earlier = first.setdefault((rule.logsource, canonical(rule.node)), rule)
        text = texts.get((rule.source_file, rule.line))
        if earlier is not rule and text is not None:
            where = f"{earlier.source_file}:{earlier.line}"
            yield text.finding("R09", "detection", title=rule.title, other=earlier.title, where=where)


def canonical(node: Node) -> object:
    """A value that is equal for conditions which differ only in the order and the names of their parts."""
    if isinstance(node, Not):
        return "not", canonical(node.child)
    if isinstance(node, All | AnyOf):
        children = frozenset(canonical(child) for child in node.children)
        if len(children) == 1:
            return next(iter(children))
        return "all" if isinstance(node, All) else "any", children
    return node
