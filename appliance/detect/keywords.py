"""Keywords of a partition: substrings of any value, found without looking at each value each time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import ahocorasick_rs

from .clauses import Kind, Literal
from .literals import LiteralScan
from .values import Event, fold, texts

#: Characters of texts known to hold no keyword that are remembered before all are forgotten.
_CLEAN_CHARACTERS = 4 << 20
_LONGEST_CLEAN = 1024
#: What may be part of the text of a number or a truth value (values.text).
_NUMERIC = re.compile(r"[-+.e\d]+|[-x\da-f]+|[-inf]+|[na]+|[true]+|[fals e]+").fullmatch


class KeywordIndex:
    """Which keyword clauses an event may satisfy.

    Values are joined for one scan, which can only find too much. Envelope values are scanned with the rest for
    the same reason: the exact decision leaves them out.
    """

    def __init__(self, literals: Mapping[Literal, int]) -> None:
        placed = {
            literal.text: (mask, 0, 0)
            for literal, mask in literals.items()
            if literal.kind in (Kind.INFIX, Kind.EQUALS) and literal.text
        }
        self.always = 0
        for literal, mask in literals.items():
            if literal.kind not in (Kind.INFIX, Kind.EQUALS) or not literal.text:
                self.always |= mask
        self._numbers = any(map(_NUMERIC, placed))
        self._scan = LiteralScan(placed) if placed else None
        self._gate = _gate(placed) if placed else None
        self._clean: set[object] = set()
        self._clean_size = 0

    def mask(self, event: Event) -> int:
        """The mask of all keyword literals that may stand in the event."""
        if self._scan is None or self._gate is None:
            return self.always
        unseen = set(event.values())
        unseen -= self._clean
        strings = [value for value in unseen if type(value) is str]
        parts = list(strings)
        if self._numbers:
            # A set has one place for True, 1 and 1.0, so where numbers matter they are read from the event.
            for value in event.values():
                if type(value) is not str:
                    parts.extend(texts(value))
        else:
            for value in unseen:
                if type(value) is tuple:
                    parts.extend(texts(value))
        joined = fold("\n".join(parts))
        if self._gate(joined.encode("utf-8", "surrogatepass")):
            return self.always | self._scan.mask(joined)
        self._remember(strings)
        return self.always

    def _remember(self, strings: list[str]) -> None:
        for value in strings:
            if len(value) <= _LONGEST_CLEAN:
                self._clean.add(value)
                self._clean_size += len(value) + 100
        if self._clean_size > _CLEAN_CHARACTERS:
            self._clean.clear()
            self._clean_size = 0


def _gate(placed: Mapping[str, object]) -> Callable[[bytes], Sequence[object]]:
    automaton = ahocorasick_rs.BytesAhoCorasick(
        [needle.encode("utf-8", "surrogatepass") for needle in placed],
        implementation=ahocorasick_rs.Implementation.DFA,
        matchkind=ahocorasick_rs.MatchKind.LeftmostFirst,
    )
    return automaton.find_matches_as_indexes
