"""From the value of one event key to the clauses it satisfies, as a bit mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from time import perf_counter_ns
from typing import TypeVar

from . import predicates
from .clauses import Kind, Literal
from .codegen import generated
from .compiled import Decision
from .cost import Bill
from .gate import RegexGate
from .literals import LiteralScan
from .memo import LONGEST_KEY, Budget, Memo
from .nodes import Atom, Op
from .predicates import Predicate
from .values import Value, fold, fold_all, texts

#: Literals that one scan finds, and where in the text each must stand.
PLACED = {Kind.INFIX: 0, Kind.PREFIX: 1, Kind.SUFFIX: 2}
#: Of so many new values one tells what literals cost that no scan finds.
_EVERY = 128
#: Nanoseconds of scans that are shared out together.
_OWED = 5_000_000
_Asked = TypeVar("_Asked")


def _timed(decide: Callable[[_Asked], object], asked: _Asked, mask: int, bill: Bill) -> None:
    start = perf_counter_ns()
    decide(asked)
    bill(mask, 0, _EVERY * (perf_counter_ns() - start))


def _all_texts(value: Value) -> bool:
    return isinstance(value, tuple) and all(type(element) is str for element in value)


class KeyIndex:
    """The literals that all clauses of a partition ask of one key. `absent` is the mask when the key is not there.

    With `gated`, many regular expressions are compiled into one scan, which takes long and pays off later. `bill` is
    told what single literals cost that no scan finds.
    """

    __slots__ = (
        *("_alone", "_atoms", "_bill", "_equals", "_key", "_looks", "_memo", "_owed", "_present"),
        *("_regexes", "_scan", "_tests", "absent", "known"),
    )

    def __init__(
        self,
        key: str,
        literals: Mapping[Literal, int],
        budget: Budget,
        *,
        gated: bool = True,
        bill: Bill | None = None,
    ) -> None:
        self._key = key
        self._bill = bill
        self._looks = self._owed = 0
        self._memo = Memo(budget)
        self.known: Callable[[object], int | None] = self._memo.young.get
        self._present = 0
        self._equals: dict[str, int] = defaultdict(int)
        self._atoms: list[tuple[Predicate, int]] = []
        self._tests: list[tuple[Decision, int]] = []
        self._build(literals, gated)
        self.absent = self._test({})

    def _build(self, literals: Mapping[Literal, int], gated: bool) -> None:
        placed: dict[str, list[int]] = {}
        regexes: dict[tuple[str, str], int] = defaultdict(int)
        for literal, mask in literals.items():
            if literal.kind in PLACED:
                placed.setdefault(literal.text, [0, 0, 0])[PLACED[literal.kind]] |= mask
            elif literal.kind is Kind.EQUALS:
                self._equals[literal.text] |= mask
            elif literal.kind is Kind.PRESENT:
                self._present |= mask
            elif literal.kind is Kind.TEST:
                assert literal.node is not None
                self._tests.append((generated(literal.node), mask))
            else:
                self._add_atom(literal, mask, regexes)
        self._scan = LiteralScan({text: (m[0], m[1], m[2]) for text, m in placed.items()}) if placed else None
        self._regexes = RegexGate(list(regexes), list(regexes.values()), gated=gated) if regexes else None
        alone = [*regexes.values(), *(mask for _, mask in self._tests), *(mask for _, mask in self._atoms)]
        self._alone = reduce(or_, alone, 0)
        if not (placed or regexes or self._atoms or self._tests):
            # To look it up is all there is to do.
            self.known = self._looked_up

    def _add_atom(self, literal: Literal, mask: int, regexes: dict[tuple[str, str], int]) -> None:
        atom = literal.node
        assert isinstance(atom, Atom)
        if atom.op is Op.REGEX:
            assert isinstance(atom.wanted, tuple)
            regexes[str(atom.wanted[0]), str(atom.wanted[1])] |= mask
        else:
            self._atoms.append((predicates.of(atom), mask))

    def mask(self, value: Value) -> int:
        """The mask of a value that `known` did not have; remembered where that is safe.

        True, 1 and 1.0 are one dictionary key and three texts, so only texts, integers and lists of texts are kept.
        """
        kind = type(value)
        if kind is not str and kind is not int and not _all_texts(value):
            return self._decide(value)
        answer = self._memo.recall(value)
        if answer is None:
            answer = self._decide(value)
            self._looks += 1
            if self._bill is not None and self._looks % _EVERY == 0 and self._alone:
                self._look_at_cost(value, self._bill)
        size = len(value) if isinstance(value, str) else 8 if isinstance(value, int) else sum(map(len, texts(value)))
        if size <= LONGEST_KEY:
            self._memo.keep(value, size, answer)
        return answer

    def _looked_up(self, value: object) -> int:
        if type(value) is str:
            return self._present | self._equals.get(fold(value), 0)
        assert isinstance(value, str | int | tuple)
        return self._decide(value)

    def masks(self, values: Sequence[Value]) -> list[int]:
        """The masks of many values. None is remembered: together they take less than to remember each."""
        found = [self._present] * len(values)
        if self._tests:
            found = [mask | self._test({self._key: value}) for mask, value in zip(found, values, strict=True)]
        pairs = [(place, element) for place, value in enumerate(values) for element in texts(value)]
        for (place, _), mask in zip(pairs, self._of_elements([element for _, element in pairs]), strict=True):
            if mask:
                found[place] |= mask
        return found

    def _of_elements(self, elements: Sequence[str]) -> list[int]:
        folded = fold_all(elements)
        found = self._scan.masks(folded) if self._scan else [0] * len(folded)
        if self._equals:
            equal = self._equals.get
            found = [mask | equal(one, 0) for mask, one in zip(found, folded, strict=True)]
        if self._regexes or self._atoms:
            found = [mask | self._odd(element) for mask, element in zip(found, elements, strict=True)]
        return found

    def _decide(self, value: Value) -> int:
        found = self._present
        if self._tests:
            found |= self._test({self._key: value})
        if type(value) is str:
            return found | self._element(value)
        for element in texts(value):
            found |= self._element(element)
        return found

    def _element(self, element: str) -> int:
        folded = fold(element)
        found = self._equals.get(folded, 0)
        if self._scan is not None:
            found |= self._scan.mask(folded)
        return found | self._odd(element)

    def _look_at_cost(self, value: Value, bill: Bill) -> None:
        """Tell what each literal that is decided by itself costs with a value, once for so many values."""
        bill(self._alone, _EVERY, 0)
        for decide, mask in self._tests:
            _timed(decide, {self._key: value}, mask, bill)
        for element in texts(value):
            for predicate, mask in self._atoms:
                _timed(predicate, element, mask, bill)
            if self._regexes is not None:
                self._look_at_searches(self._regexes, element, bill)

    def _look_at_searches(self, gate: RegexGate, element: str, bill: Bill) -> None:
        """Tell what searches cost, and from time to time what the scan before them did, of which each has its share."""
        start = perf_counter_ns()
        searches = gate.searches(element)
        self._owed += _EVERY * (perf_counter_ns() - start)
        for search, raw, mask in searches:
            _timed(search, raw, mask, bill)
        if self._owed >= _OWED:
            for mask in gate.masks:
                bill(mask, 0, self._owed // len(gate.masks))
            self._owed = 0

    def _odd(self, element: str) -> int:
        found = 0 if self._regexes is None else self._regexes.mask(element)
        for decide, mask in self._atoms:
            if decide(element):
                found |= mask
        return found

    def _test(self, event: dict[str, Value]) -> int:
        found = 0
        for decide, mask in self._tests:
            if decide(event):
                found |= mask
        return found
