"""Records made of the rules themselves: what a rule's condition asks for, and what nearly is that.

Recorded events meet a tenth of the rules; these meet nearly all. A condition is walked with chance, one branch of each
alternative, and each field gets a text that satisfies the comparisons met on the way. Nothing says that a record
matches: two engines are compared on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from ipaddress import ip_network
from random import Random
from typing import Any

from appliance.detect import Rule
from appliance.detect.nodes import FOLDED, All, AnyOf, Atom, Node, Not, Op, Wild, atoms
from appliance.detect.routes import Feed, shipped_routes

Record = dict[str, Any]
EACH, SEED = 10, 7
_ENVELOPE = {
    "Provider_Name": "made", "Computer": "PC1.urzad.local", "TimeCreated_SystemTime": "2026-01-01T00:00:00Z",
    "EventRecordID": "5",
}  # fmt: skip
_FILL = ("", "x", "zz ", " q")
_CLASS = {"CATEGORY_DIGIT": "07", "CATEGORY_WORD": "aZ_5", "CATEGORY_SPACE": " \t"}
_DASHES = "-/–—―"
_parser: Any = import_module("re._parser")


class Maker:
    """Makes records of rules; the same seed makes the same."""

    def __init__(self, seed: int = SEED) -> None:
        self._draw = Random(seed)

    def records(self, rule: Rule) -> Iterator[Record]:
        """`EACH` records of one of the rule's Windows log sources; none where it has no channel."""
        feed = next((feed for feed in shipped_routes().feeds(rule.logsource) if feed.channels), None)
        for number in range(EACH if feed else 0):
            assert feed is not None
            values = self._values(self._way(rule.node, wanted=True))
            yield self._record(feed, self._nearly(number, values, rule.node))

    def _record(self, feed: Feed, values: Mapping[str, str]) -> Record:
        assert feed.channels is not None
        code = values.get("EventID", str(min(feed.codes or (1,))))
        where = self._values(list(atoms(feed.where)))
        named = {feed.renames.get(name, name): text for name, text in {**where, **values}.items()}
        head = {"Channel": min(feed.channels), "EventID": int(code) if code.isdigit() else 1}
        return {**_ENVELOPE, **named, **head}

    def _nearly(self, number: int, values: dict[str, str], node: Node) -> dict[str, str]:
        """The values, every second time a little other: upper case, more comparisons, one empty, other dashes."""
        one = self._draw.choice(list(values) or [""])
        if number in (1, 3):
            return {name: text.upper() for name, text in values.items()}
        if number in (5, 7):
            every = list(atoms(node))
            return {**values, **self._values(self._draw.sample(every, min(len(every), number - 4)))}
        if number == 9 and one:
            text = self._draw.choice(["", values[one].replace("-", self._draw.choice(_DASHES)).replace(" ", "\n")])
            return {**values, one: text}
        return values

    def _way(self, node: Node, *, wanted: bool) -> list[Atom]:
        """The comparisons of one way in which a condition may come out as wanted; what must not hold is left out."""
        if isinstance(node, Atom):
            return [node] if wanted else []
        if isinstance(node, Not):
            return self._way(node.child, wanted=not wanted)
        if isinstance(node, All | AnyOf):
            whole = isinstance(node, All) is wanted
            children = node.children if whole else (self._draw.choice(node.children),)
            return [atom for child in children for atom in self._way(child, wanted=wanted)]
        return []

    def _values(self, way: list[Atom]) -> dict[str, str]:
        places: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for atom in way:
            where, text = self._text(atom)
            places[atom.field or "Keywords0"][where].append(text)
            if atom.op is Op.FIELD:
                assert isinstance(atom.wanted, tuple)
                places[str(atom.wanted[0])][where].append(text)
        return {name: self._joined(found) for name, found in places.items() if "none" not in found}

    def _joined(self, found: Mapping[str, list[str]]) -> str:
        if whole := found.get("whole"):
            return whole[0]
        inner = [self._draw.choice(_FILL) + text for text in [*found.get("inside", ()), ""]]
        return "".join([*found.get("start", ()), *inner, max(found.get("end", [""]), key=len)])

    def _text(self, atom: Atom) -> tuple[str, str]:
        """Where in a field, and what, would satisfy a comparison."""
        op, wanted = FOLDED.get(atom.op, atom.op), atom.wanted
        if op in _PLACES:
            return _PLACES[op], str(wanted)
        if op is Op.NULL:
            return "none", ""
        if op is Op.CIDR:
            return "whole", str(ip_network(str(wanted))[self._draw.choice([0, -1])])
        if isinstance(wanted, tuple) and op is Op.COMPARE:
            return "whole", str(int(float(str(wanted[1]))) + self._draw.choice([-1, 0, 1]))
        if isinstance(wanted, tuple) and op is Op.LIKE:
            text = "".join("k" if one is Wild.ONE else self._literal(one) for one in wanted)
            return _anchored(wanted[0] is not Wild.MANY, wanted[-1] is not Wild.MANY), text
        if isinstance(wanted, tuple) and op is Op.REGEX:
            pattern = str(wanted[0])
            return _anchored(pattern.startswith("^"), pattern.endswith("$")), self._regex(_parser.parse(pattern))
        return "whole", "v"

    def _literal(self, part: object) -> str:
        return self._draw.choice(_FILL) if part is Wild.MANY else str(part)

    def _regex(self, parsed: Any) -> str:
        """A text that a parsed regular expression finds, as a rule."""
        return "".join(self._piece(str(op), what) for op, what in parsed)

    def _piece(self, op: str, what: Any) -> str:
        if op == "LITERAL":
            return chr(what)
        if op == "IN":
            return self._of_class(what)
        if op == "BRANCH":
            return self._regex(self._draw.choice(what[1]))
        if op == "SUBPATTERN":
            return self._regex(what[3])
        if op in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most = what[0], min(int(what[1]), what[0] + 3)
            return "".join(self._regex(what[2]) for _ in range(self._draw.randint(least, most)))
        return "q" if op in ("ANY", "NOT_LITERAL") else ""

    def _of_class(self, what: Any) -> str:
        inside = "".join(_MEMBERS.get(str(op), lambda _: "")(one) for op, one in what)
        if str(what[0][0]) == "NEGATE":
            inside = "".join(char for char in "q7-Z ~/" if char not in inside)
        return self._draw.choice(inside or "?")


_MEMBERS: Mapping[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "RANGE": lambda ends: chr(ends[0]) + chr(ends[1]),
    "CATEGORY": lambda name: _CLASS.get(str(name), ""),
}
_PLACES = {Op.EQUALS: "whole", Op.CONTAINS: "inside", Op.STARTSWITH: "start", Op.ENDSWITH: "end"}


def _anchored(start: bool, end: bool) -> str:
    return "whole" if start and end else "start" if start else "end" if end else "inside"
