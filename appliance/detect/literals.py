"""Literal texts of many rules found in one pass over a text: Aho-Corasick with a bit mask a literal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import itemgetter

import ahocorasick_rs

#: (mask for anywhere, mask for at the start, mask for at the end)
Masks = tuple[int, int, int]
#: Above this the faster automaton takes too long to build.
_DFA_LITERALS = 3000
_START = itemgetter(1)


class LiteralScan:
    """All literals of one key. Texts are folded before they come here."""

    def __init__(self, literals: Mapping[str, Masks]) -> None:
        small = len(literals) < _DFA_LITERALS
        kind = ahocorasick_rs.Implementation.DFA if small else ahocorasick_rs.Implementation.ContiguousNFA
        automaton = ahocorasick_rs.BytesAhoCorasick(
            [literal.encode("utf-8", "surrogatepass") for literal in literals], implementation=kind
        )
        self._find = automaton.find_matches_as_indexes
        self._masks = list(literals.values())

    def mask(self, folded: str) -> int:
        """The masks of all literals that stand in `folded` where they should."""
        return self.mask_of(folded.encode("utf-8", "surrogatepass"))

    def mask_of(self, raw: bytes) -> int:
        """The same of a folded text in UTF-8."""
        hits = self._find(raw, overlapping=True)
        found = 0
        if not hits:
            return found
        end_of_text, masks = len(raw), self._masks
        for number, start, end in hits:
            anywhere, at_start, at_end = masks[number]
            found |= anywhere
            if start == 0:
                found |= at_start
            if end == end_of_text:
                found |= at_end
        return found

    def masks(self, folded: Sequence[str]) -> list[int]:
        """The masks of many texts, found in one pass over all of them."""
        joined = "".join(folded)
        raw = joined.encode("utf-8", "surrogatepass")
        sizes = map(
            len, folded if len(raw) == len(joined) else (text.encode("utf-8", "surrogatepass") for text in folded)
        )
        ends = list(accumulate(sizes))
        found, masks = [0] * len(ends), self._masks
        at = begin = 0
        for number, start, end in sorted(self._find(raw, overlapping=True), key=_START):
            while ends[at] <= start:
                begin, at = ends[at], at + 1
            if end > ends[at]:
                # Across two texts.
                continue
            anywhere, at_start, at_end = masks[number]
            found[at] |= anywhere
            if start == begin:
                found[at] |= at_start
            if end == ends[at]:
                found[at] |= at_end
        return found
