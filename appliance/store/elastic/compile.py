"""The tree of a query → engine queries that together lose nothing. Pure.

Lucene cannot say all of what `appliance/search/evaluate.py` means. So a tree becomes three queries:

- `sure`: exact for every document that `doubt` does not find;
- `doubt`: the documents for which some test of the tree cannot be decided by the engine: values too long to be indexed,
  characters whose lower case differs between versions of Unicode, numbers among the entries, patterns over numbers,
  regular expressions;
- `wide`: all that can answer the query, the doubtful included.

Who counts takes `sure` without `doubt`, and decides `wide` with `doubt` one by one, with the reference itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from appliance.search import Node
from appliance.search.nodes import And, Everything, Leaf, Not, Or, Pattern, Test
from appliance.search.regextree import Regex
from appliance.store.elastic import entries, regexes, typed
from appliance.store.elastic.clauses import (
    ALL,
    NONE,
    Clause,
    all_of,
    any_of,
    exists,
    is_sure,
    none_of,
    pattern_text,
    size,
    widened,
    wildcard,
)
from appliance.store.elastic.mapping import LONG, REST, TEXT
from appliance.store.elastic.part import Part

MAX_CLAUSES = 400
"""Clauses of one question: engines refuse more than 1024, and take a millisecond for each wildcard in each index."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The queries of a tree; `narrow` finds only what answers it for sure."""

    sure: Clause
    doubt: Clause
    wide: Clause
    narrow: Clause

    @property
    def decided(self) -> Clause:
        """What answers the query and needs no second look."""
        return all_of([self.sure, none_of(self.doubt)])


def compile_node(node: Node) -> Compiled:
    """Return the queries of a tree; one with too many clauses for the engines finds more, all of it doubtful."""
    compiled = _compiled(node)
    if max(size(compiled.wide), size(compiled.sure) + size(compiled.doubt)) <= MAX_CLAUSES:
        return compiled
    return Compiled(NONE, ALL, widened(compiled.wide, MAX_CLAUSES), NONE)


def _compiled(node: Node) -> Compiled:
    match node:
        case Everything():
            return Compiled(ALL, NONE, ALL, ALL)
        case And(children):
            return _joined([_compiled(child) for child in children], all_=True)
        case Or(children):
            return _joined([_compiled(child) for child in children], all_=False)
        case Not(child):
            inner = _compiled(child)
            return Compiled(none_of(inner.sure), inner.doubt, none_of(inner.narrow), none_of(inner.wide))
        case Leaf():
            return _leaf(node)


def _joined(parts: list[Compiled], *, all_: bool) -> Compiled:
    join = all_of if all_ else any_of
    return Compiled(
        join(one.sure for one in parts),
        any_of(one.doubt for one in parts),
        join(one.wide for one in parts),
        join(one.narrow for one in parts),
    )


def _leaf(leaf: Leaf) -> Compiled:
    parts = _parts(leaf)
    sure = any_of(part.sure for part in parts)
    unindexed = sorted({path for part in parts for path in part.paths})
    doubt = any_of([*(part.doubt for part in parts), {"terms": {LONG: unindexed}} if unindexed else NONE])
    return Compiled(sure, doubt, any_of([sure, doubt]), all_of([sure, none_of(doubt)]))


def _parts(leaf: Leaf) -> list[Part]:
    if isinstance(leaf.test, Regex):
        # What the patterns find is all in doubt.
        found = [part for test in regexes.patterns(leaf.test) for part in _parts(replace(leaf, test=test))]
        return [Part(NONE, any_of([part.sure, part.doubt]), part.paths) for part in found]
    if not leaf.fields:
        return [_free(leaf.test)]
    made = [(typed.part(field.name, leaf.test), entries.part(field.name, leaf.test)) for field in leaf.fields]
    return [part for pair in made for part in pair]


def _free(test: Test) -> Part:
    """Some text of the event: one of the schema's fields, or an entry that is a text."""
    if not isinstance(test, Pattern):
        return Part(NONE, any_of([exists(TEXT), exists(REST)]))
    found = any_of([wildcard(TEXT, pattern_text(test)), entries.some_text(test)])
    # A whole value cannot be told from the end of another entry's text.
    if is_sure(test) and test.inside:
        return Part(found, exists(LONG))
    return Part(NONE, any_of([found, exists(LONG)]))
