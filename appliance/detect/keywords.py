"""Keywords of a partition: substrings of any value. Values that an index of their key looks at are not seen twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

import ahocorasick_rs

from .clauses import Kind, Literal
from .literals import LiteralScan
from .values import ENVELOPE, Event, fold, keyword_texts, texts

#: What may be part of the text of a number or a truth value (values.text).
_NUMERIC = re.compile(r"[-+.e\d]+|[-x\da-f]+|[-inf]+|[na]+|[true]+|[fals e]+").fullmatch
_NUMBERS = frozenset({int, float, bool})
#: What reads the joined texts that are left to look at from an event of one shape.
Rest = Callable[[Event], str]


def keyword_text(event: Event) -> str:
    """Every text a keyword may be found in, joined: a scan of it can only find too much."""
    return "\n".join(keyword_texts(event))


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

    def rest(self, shape: Iterable[tuple[str, type]]) -> Rest | None:
        """What reads the texts of events whose keys and types are `shape`; None when no keyword can be in them."""
        if self._scan is None:
            return None
        left = [(key, kind) for key, kind in shape if key not in ENVELOPE]
        plain = [key for key, kind in left if kind is str]
        # Numbers count only where a keyword could be part of one.
        odd = [key for key, kind in left if kind is not str and (self._numbers or kind not in _NUMBERS)]
        return _reader(plain, odd)

    def mask(self, joined: str) -> int:
        """The mask of all keyword literals that may stand in the text."""
        assert self._scan is not None
        assert self._gate is not None
        folded = fold(joined)
        return self._scan.mask(folded) if self._gate(folded.encode("utf-8", "surrogatepass")) else 0


def _reader(plain: Sequence[str], odd: Sequence[str]) -> Rest | None:
    if not odd and len(plain) > 1:
        of = itemgetter(*plain)
        join = "\n".join
        return lambda event: join(of(event))
    if not odd and not plain:
        return None
    keys = [*plain, *odd]
    return lambda event: "\n".join(element for key in keys for element in texts(event[key]))


def _gate(placed: Mapping[str, object]) -> Callable[[bytes], Sequence[object]]:
    automaton = ahocorasick_rs.BytesAhoCorasick(
        [needle.encode("utf-8", "surrogatepass") for needle in placed],
        implementation=ahocorasick_rs.Implementation.DFA,
        matchkind=ahocorasick_rs.MatchKind.LeftmostFirst,
    )
    find: Callable[[bytes], Sequence[object]] = automaton.find_matches_as_indexes
    return find
