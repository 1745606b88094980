"""Keywords of a partition: substrings of any value. Values that an index of their key looks at are not seen twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import ahocorasick_rs

from .clauses import Kind, Literal
from .literals import LiteralScan
from .values import ENVELOPE, Event, Value, fold, keyword_texts, texts

#: What may be part of the text of a number or a truth value (values.text).
_NUMERIC = re.compile(r"[-+.e\d]+|[-x\da-f]+|[-inf]+|[na]+|[true]+|[fals e]+").fullmatch
#: The values of an event that are left to look at.
Rest = Callable[[Event], Sequence[Value]]


def keyword_text(event: Event) -> str:
    """Every text a keyword may be found in, joined: a scan of it can only find too much."""
    return "\n".join(keyword_texts(event))


def rest_of(keys: Sequence[str]) -> Rest | None:
    """What reads the values of `keys` from an event that has them all; None when there is nothing to read."""
    left = [key for key in keys if key not in ENVELOPE]
    if len(left) > 1:
        return itemgetter(*left)
    return (lambda event: [event[left[0]]]) if left else None


class KeywordIndex:
    """Which keyword clauses an event may satisfy.

    Values are joined for one scan, which can only find too much. `always` are the clauses that no scan decides.
    """

    def __init__(self, literals: Mapping[Literal, int]) -> None:
        self.texts: dict[str, int] = {}
        self.always = 0
        for literal, mask in literals.items():
            if literal.kind is Kind.INFIX and literal.text:
                self.texts[literal.text] = mask
            else:
                self.always |= mask
        self._numbers = any(map(_NUMERIC, self.texts))
        placed = {text: (mask, 0, 0) for text, mask in self.texts.items()}
        self._scan = LiteralScan(placed) if placed else None
        self._gate = _gate(placed) if placed else None

    def mask(self, values: Sequence[Value]) -> int:
        """The mask of all keyword literals that may stand in one of the values."""
        if self._gate is None or self._scan is None:
            return 0
        other = self._other
        joined = fold("\n".join([value if type(value) is str else other(value) for value in values]))
        return self._scan.mask(joined) if self._gate(joined.encode("utf-8", "surrogatepass")) else 0

    def _other(self, value: Value) -> str:
        """A value that is no text; numbers count only where a keyword could be part of one."""
        return "\n".join(texts(value)) if self._numbers or type(value) is tuple else ""


def _gate(placed: Mapping[str, object]) -> Callable[[bytes], Sequence[object]]:
    automaton = ahocorasick_rs.BytesAhoCorasick(
        [needle.encode("utf-8", "surrogatepass") for needle in placed],
        implementation=ahocorasick_rs.Implementation.DFA,
        matchkind=ahocorasick_rs.MatchKind.LeftmostFirst,
    )
    find: Callable[[bytes], Sequence[object]] = automaton.find_matches_as_indexes
    return find
