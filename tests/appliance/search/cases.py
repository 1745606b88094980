"""The corpus of queries: each with the events that it finds, for every engine to answer.

`corpus/events.ndjson` holds the events, numbered from 1; `corpus/queries.txt` has a query a line behind the numbers of
the events that it finds (`all`, `none`, `all but 3 4`). It is asked at `NOW`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from appliance.normalise.model import Event
from appliance.search import Fields, Node, columns, parse
from appliance.search.nodes import And, Exact, Leaf, Network, Not, Numbers, Or, Pattern, Test, Texts
from appliance.search.regextree import Chars, Part, Regex, Repeat

FOLDER = Path(__file__).parent / "corpus"
QUERIES = FOLDER / "queries.txt"
NOW = 1_795_348_800_000_000
"""2026-11-22T12:00:00Z, a Sunday."""


@dataclass(frozen=True, slots=True)
class Case:
    """A query, the ids that it finds, and its line in the file."""

    line: int
    query: str
    wanted: frozenset[str]

    def __str__(self) -> str:
        return f"{QUERIES}:{self.line}: {self.query}"


@cache
def events() -> tuple[Event, ...]:
    """Return the events, lists as tuples."""
    rows = [orjson.loads(line) for line in (FOLDER / "events.ndjson").read_bytes().splitlines()]
    return tuple({name: tuple(v) if isinstance(v, list) else v for name, v in row.items()} for row in rows)


@cache
def cases() -> tuple[Case, ...]:
    """Return every query of the file."""
    found = []
    for number, line in enumerate(QUERIES.read_text("utf-8").split("\n"), 1):
        wanted, bar, query = line.partition(" | ")
        if bar and not line.startswith("#"):
            found.append(Case(number, query, _ids(wanted)))
    return tuple(found)


def _ids(wanted: str) -> frozenset[str]:
    ids = [str(event["event.id"]) for event in events()]
    if wanted == "none":
        return frozenset()
    numbers = [int(number) for number in wanted.removeprefix("all").removeprefix(" but").split()]
    named = frozenset(ids[number - 1] for number in numbers)
    return frozenset(ids) - named if wanted.startswith("all") else named


def tree_of(case: Case) -> Node:
    """Return the tree of a query, where the fields of the events are known. Raises QueryError."""
    return parse(case.query, Fields(frozenset(name for event in events() for name in event)), lambda: NOW)


@cache
def one_of_each() -> tuple[Case, ...]:
    """Return cases that together have every construct of the file: each has one that none before it has."""
    seen: set[str] = set()
    found = []
    for case in cases():
        new = constructs(tree_of(case)) - seen
        if new:
            found.append(case)
            seen |= new
    return tuple(found)


def constructs(node: Node) -> set[str]:
    """Return what engines may understand each in its own way: tests on kinds of fields, and what stands within what."""
    match node:
        case Leaf(fields, test):
            kinds = sorted({f"{one.kind}{'' if one.name in columns() else ' outside the schema'}" for one in fields})
            return {f"{'+'.join(kinds) or 'any text'}: {_form(test)}"}
        case Not(child):
            return {f"not {_name(child)}"} | constructs(child)
        case And(children) | Or(children):
            within = {f"{_name(node)} of {_name(child)}" for child in children}
            return within.union(*map(constructs, children))
    return {"everything"}


def _name(node: Node) -> str:
    return f"a test by {type(node.test).__name__}" if isinstance(node, Leaf) else type(node).__name__


def _form(test: Test) -> str:
    name = type(test).__name__
    match test:
        case Pattern(parts, inside):
            shape = "".join("text" if isinstance(part, str) else part.value for part in parts)
            odd = " beyond ASCII" if any(isinstance(part, str) and not part.isascii() for part in parts) else ""
            return f"{name} {shape or 'empty'}{odd}{' inside' if inside else ''}"
        case Numbers(low, high, low_in, high_in) | Texts(low, high, low_in, high_in):
            ends = (_end(low, closed=low_in), _end(high, closed=high_in))
            return f"{name} from {ends[0]} to {ends[1]}"
        case Network(version):
            return f"{name} {version}"
        case Exact(value):
            return f"{name} {type(value).__name__}"
        case Regex(branches):
            tied = "|".join(sorted({"^" * one.begin + "$" * one.end for one in branches}))
            return f"{name} {tied} of {' '.join(sorted(set().union(*(_parts(one.part) for one in branches))))}"
    return name


def _parts(part: Part) -> set[str]:
    match part:
        case Chars():
            return {"Chars"}
        case Repeat(inner, low, high):
            return {f"Repeat{min(low, 1)}{'' if high is None else min(high, 2)}"} | _parts(inner)
    return {type(part).__name__}.union(*map(_parts, part.parts))


def _end(bound: object, *, closed: bool) -> str:
    return "anything" if bound is None else f"{'closed' if closed else 'open'} {type(bound).__name__}"
