"""The tree of a query → a DuckDB predicate with parameters. No text of a person ever becomes SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from appliance.search import Node
from appliance.search.evaluate import APART, integer_bounds
from appliance.search.nodes import (
    And,
    Everything,
    Exact,
    Exists,
    Leaf,
    Network,
    Not,
    Numbers,
    Or,
    Pattern,
    Test,
    Texts,
    Wild,
)
from appliance.search.regextree import Regex
from appliance.store.manifest import Segment
from appliance.store.re2 import re2
from appliance.store.shape import REST, split

ADDRESS = "czujka_address"
"""SQL function: text → sortable key of an IP address, empty for other text (appliance/store/engine.py)."""
_TEXT_KINDS = "('s', 'S')"
Parameter = str | int | float | bytes | list[str] | list[bytes]


@dataclass(slots=True)
class Compiler:
    """Compiles for one set of segments: columns that none of them has are left out.

    `parameters` fill $1, $2, … in order.
    """

    columns: dict[str, list[tuple[str, str]]]
    rest: frozenset[str] | None
    parameters: list[Parameter] = field(default_factory=list)

    @classmethod
    def of(cls, segments: Iterable[Segment]) -> Compiler:
        """Return a compiler for these segments."""
        columns: dict[str, list[tuple[str, str]]] = {}
        rest: frozenset[str] | None = frozenset()
        for column in sorted({column for segment in segments for column in segment.columns}):
            name, kind = split(column)
            columns.setdefault(name, []).append((column, kind))
        for segment in segments:
            rest = None if rest is None or segment.rest is None else rest | segment.rest
        return cls(columns, rest)

    def bind(self, value: Parameter) -> str:
        """Return the placeholder of a parameter."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def where(self, node: Node) -> str:
        """Return the predicate of a tree; NULL counts as false."""
        match node:
            case Everything():
                return "true"
            case And(children):
                return "(" + " AND ".join(map(self.where, children)) + ")"
            case Or(children):
                return "(" + " OR ".join(map(self.where, children)) + ")"
            case Not(child):
                return f"(NOT coalesce({self.where(child)}, false))"
            case Leaf(fields, test, _):
                return self._any(self._free(test) if not fields else self._named([f.name for f in fields], test))

    @staticmethod
    def _any(pieces: Sequence[str]) -> str:
        return "(" + " OR ".join(pieces) + ")" if pieces else "false"

    def _free(self, test: Test) -> list[str]:
        # DuckDB refuses parameters that the statement does not use.
        bound = len(self.parameters)
        predicate = self._text(test)
        columns = (c for name, places in self.columns.items() if name not in APART for c, kind in places if kind == "s")
        pieces = list(map(predicate, map(quoted, columns)))
        if self.rest is None or self.rest - APART:
            # Names are ours.
            apart = "".join(f" AND x.n <> '{name}'" for name in sorted(APART) if self.rest is None or name in self.rest)
            pieces.append(_some(f"x.k IN {_TEXT_KINDS}{apart} AND {predicate('x.v')}"))
        if not pieces:
            del self.parameters[bound:]
        return pieces

    def _named(self, names: Sequence[str], test: Test) -> list[str]:
        pieces: list[str] = []
        for name in names:
            pieces += [self._column(column, kind, test) for column, kind in self.columns.get(name, ())]
            if self.rest is None or name in self.rest:
                pieces.append(_some(f"x.n = {self.bind(name)} AND {self._entry(test)}"))
        return [piece for piece in pieces if piece != "false"]

    def _column(self, column: str, kind: str, test: Test) -> str:
        cell = quoted(column)
        match test:
            case Exists():
                return f"{cell} IS NOT NULL"
            case Exact(value):
                return self._exact(cell, kind, value)
            case Pattern():
                if kind == "l" and test.literal is not None and test.literal.isascii() and test.literal.isdigit():
                    return self._digits(cell, test)
                return self._text(test)(_as_text(cell, kind))
            case Numbers():
                return self._integers(cell, test) if kind == "l" else "false"
            case Regex() | Texts() | Network():
                fits = isinstance(test, Regex) or kind in ("s", "id")
                return self._text(test)(_as_text(cell, kind)) if fits else "false"

    def _exact(self, cell: str, kind: str, value: str | int) -> str:
        if kind == "id" and isinstance(value, str):
            return f"{cell} = {self.bind(bytes.fromhex(value))}"
        if kind != ("s" if isinstance(value, str) else "l"):
            return "false"
        return f"{cell} = {self.bind(value)}"

    def _digits(self, cell: str, test: Pattern) -> str:
        text = test.literal or ""
        if test.inside or str(int(text)) != text or len(text) > 18:
            return self._text(test)(_as_text(cell, "l"))
        return f"{cell} = {self.bind(int(text))}"

    def _entry(self, test: Test) -> str:
        match test:
            case Exists():
                return "x.k <> 'E'"
            case Exact(value):
                kinds = _TEXT_KINDS if isinstance(value, str) else "('i', 'I')"
                return f"x.k IN {kinds} AND x.v = {self.bind(str(value))}"
            case Pattern() | Regex():
                return f"x.k <> 'E' AND {self._text(test)('x.v')}"
            case Numbers():
                whole = self._integers("TRY_CAST(x.v AS HUGEINT)", test)
                return f"CASE WHEN x.k IN ('i', 'I') THEN {whole} WHEN x.k IN ('f', 'F') THEN {self._floats(test)} END"
            case Texts() | Network():
                return f"x.k IN {_TEXT_KINDS} AND {self._text(test)('x.v')}"

    def _text(self, test: Test) -> Callable[[str], str]:
        """Return a maker of predicates over a text expression; parameters are bound once."""
        match test:
            case Pattern():
                return self._pattern(test)
            case Regex():
                expression = self.bind(re2(test))
                return lambda cell: f"regexp_matches(lower({cell}), {expression})"
            case Texts(low, high, low_in, high_in):
                bounds = [(low, ">=" if low_in else ">"), (high, "<=" if high_in else "<")]
                ready = [(operator, self.bind(text)) for text, operator in bounds if text is not None]
                return lambda cell: " AND ".join([f"{cell} IS NOT NULL", *(f"lower({cell}) {o} {p}" for o, p in ready)])
            case Network(version, low, high):
                first, last = (self.bind(address_key(version, bound)) for bound in (low, high))
                start = self.bind(octets(low, high) if version == 4 else "")
                # The function is dear: it is asked only about texts that can be such addresses.
                return lambda cell: (
                    f"CASE WHEN starts_with({cell}, {start}) OR contains({cell}, ':')"
                    f" THEN {ADDRESS}({cell}) BETWEEN {first} AND {last} END"
                )
        raise TypeError(f"no predicate over text: {test}")

    def _pattern(self, test: Pattern) -> Callable[[str], str]:
        if test.literal is not None:
            text = self.bind(test.literal)
            if test.inside:
                return lambda cell: f"contains(lower({cell}), {text})"
            return lambda cell: f"lower({cell}) = {text}"
        like = self.bind(_like(test))
        return lambda cell: f"lower({cell}) LIKE {like} ESCAPE '^'"

    def _integers(self, cell: str, test: Numbers) -> str:
        low, high = integer_bounds(test)
        pieces = [f"{cell} IS NOT NULL"]
        if low is not None:
            pieces.append(f"{cell} >= {self.bind(low)}")
        if high is not None:
            pieces.append(f"{cell} <= {self.bind(high)}")
        return " AND ".join(pieces)

    def _floats(self, test: Numbers) -> str:
        cell = "TRY_CAST(x.v AS DOUBLE)"
        pieces = [f"NOT isnan({cell})"]
        if test.low is not None:
            pieces.append(f"{cell} {'>=' if test.low_in else '>'} {self.bind(float(test.low))}::DOUBLE")
        if test.high is not None:
            pieces.append(f"{cell} {'<=' if test.high_in else '<'} {self.bind(float(test.high))}::DOUBLE")
        return " AND ".join(pieces)


def quoted(name: str) -> str:
    """Return an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def address_key(version: int, address: int) -> str:
    """Return the text by which addresses of one version sort as their numbers do."""
    return f"{version}{address:032x}"


def octets(low: int, high: int) -> str:
    """Return the text by which every IPv4 address of a range begins: its common whole octets."""
    pairs = zip(low.to_bytes(4, "big"), high.to_bytes(4, "big"), strict=True)
    return "".join(f"{a}." for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)).removesuffix(
        "." if low == high else "\0"
    )


def _as_text(cell: str, kind: str) -> str:
    if kind == "s":
        return cell
    return f"hex({cell})" if kind == "id" else f"CAST({cell} AS VARCHAR)"


def _some(condition: str) -> str:
    return f"len(list_filter({REST}, lambda x: {condition})) > 0"


def _like(test: Pattern) -> str:
    parts = [_like_part(part) for part in test.parts]
    return "%" + "".join(parts) + "%" if test.inside else "".join(parts)


def _like_part(part: str | Wild) -> str:
    if isinstance(part, Wild):
        return "%" if part is Wild.MANY else "_"
    return part.replace("^", "^^").replace("%", "^%").replace("_", "^_")


__all__ = ["ADDRESS", "Compiler", "Parameter", "address_key", "quoted"]
