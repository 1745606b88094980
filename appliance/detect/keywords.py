"""Keywords of a partition: substrings of any value. Values that an index of their key looks at are not seen twice."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, count
from operator import itemgetter
from typing import Any

import ahocorasick_rs

from .clauses import Kind, Literal
from .literals import LiteralScan
from .values import ENVELOPE, Event, Value, fold, keyword_texts, texts

#: What may be part of the text of a number or a truth value (values.text).
_NUMERIC = re.compile(r"[-+.e\d]+|[-x\da-f]+|[-inf]+|[na]+|[true]+|[fals e]+").fullmatch
#: Characters beyond ASCII that fold to ASCII letters: the Kelvin sign and the long s.
_LIKE_ASCII = ("\u212a", "\u017f")
#: `itemgetter` gives a sequence for two keys or more.
_SEVERAL = 2
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
        self._ascii = all(map(str.isascii, self.texts))
        self._numbers = any(map(_NUMERIC, self.texts))
        placed = {text: (mask, 0, 0) for text, mask in self.texts.items()}
        self._scan = LiteralScan(placed) if placed else None
        self._gate = _gate(placed) if placed else None
        #: A sign that no keyword has, so that none is found across two texts.
        self._between = next(sign for sign in map(chr, count()) if not any(sign in text for text in self.texts))

    def rest(self, event: Event, keys: Iterable[str]) -> Rest | None:
        """What reads the texts under `keys` from events with the keys, and most often the types, of `event`."""
        left = [key for key in keys if key not in ENVELOPE]
        if self._scan is None or not left:
            return None
        texts_in = [key for key in left if type(event[key]) is str]
        numbers_in = [key for key in left if type(event[key]) is int]
        if (
            self._numbers
            or len(texts_in) + len(numbers_in) < len(left)
            or min(len(texts_in), len(numbers_in)) < _SEVERAL
        ):
            return partial(_read, left)
        return _reader(itemgetter(*texts_in), itemgetter(*numbers_in), partial(_read, left))

    def places(self, rests: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int]]:
        """Of numbered texts those in which keywords stand: the number, and the mask of all that may stand there."""
        if self._scan is None or self._gate is None or not rests:
            return
        whole = self._between.join([rest for _, rest in rests])
        plain = self._is_plain(whole)
        found = self._gate(_lowered(whole, plain=plain))
        if not found:
            return
        ends = list(accumulate(len(_lowered(rest + self._between, plain=plain)) for _, rest in rests))
        for place in sorted({bisect_right(ends, start) for _, start, _ in found}):
            number, rest = rests[place]
            yield number, self._scan.mask(fold(rest))

    def masks(self, values: Sequence[Value]) -> list[int]:
        """The mask of each value."""
        return [self.mask("\n".join(texts(value))) if self._scan else 0 for value in values]

    def mask(self, joined: str) -> int:
        """The mask of all keyword literals that may stand in the text."""
        assert self._scan is not None
        assert self._gate is not None
        return self._scan.mask(fold(joined)) if self._gate(_lowered(joined, plain=self._is_plain(joined))) else 0

    def _is_plain(self, text: str) -> bool:
        """Whether letters of ASCII are all whose case matters, which is quicker to have."""
        return text.isascii() or (self._ascii and not any(odd in text for odd in _LIKE_ASCII))


def _lowered(text: str, *, plain: bool) -> bytes:
    """The text without case."""
    if plain:
        return text.encode("utf-8", "surrogatepass").lower()
    return fold(text).encode("utf-8", "surrogatepass")


class AllKeywords:
    """The keywords of many indexes, sought together in the texts of many values: most often there is none."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._scan: LiteralScan | None = None
        self._of: dict[KeywordIndex, int] = {}
        #: The bits of keywords that may be part of a number, which need not be spelled as rules spell it.
        self.numeric = 0

    def __len__(self) -> int:
        return len(self._bits)

    def bits(self, index: KeywordIndex) -> int:
        """The bits that stand for the keywords of an index. What `found` said before knows nothing of new ones."""
        if index not in self._of:
            new = sorted(index.texts.keys() - self._bits.keys())
            self._bits |= {text: 1 << at for at, text in enumerate(new, len(self._bits))}
            self._scan = LiteralScan({text: (bit, 0, 0) for text, bit in self._bits.items()}) if self._bits else None
            self.numeric = self._sum(filter(_NUMERIC, self._bits))
            self._of[index] = self._sum(index.texts)
        return self._of[index]

    def _sum(self, keywords: Iterable[str]) -> int:
        return sum(self._bits[text] for text in keywords)

    def found(self, raw: bytes) -> int:
        """The bits of all keywords that may stand in a text in UTF-8."""
        if self._scan is None:
            return 0
        if all(map(str.isascii, self._bits)):
            lowered = raw.lower()
            for odd in () if raw.isascii() else _LIKE_ASCII:
                lowered = lowered.replace(odd.encode(), fold(odd).encode())
            return self._scan.mask_of(lowered)
        return self._scan.mask(fold(raw.decode()))


def _read(keys: Sequence[str], event: Event) -> str:
    return "\n".join([element for key in keys for element in texts(event[key])])


def _reader(texts_of: Callable[[Event], Any], numbers_of: Callable[[Event], Any], otherwise: Rest) -> Rest:
    """Reads texts in one step and leaves out numbers, once it is certain that they are that."""
    join = "\n".join

    def read(event: Event) -> str:
        for value in numbers_of(event):
            if type(value) is not int:
                return otherwise(event)
        try:
            return join(texts_of(event))
        except TypeError:
            return otherwise(event)

    return read


def _gate(placed: Mapping[str, object]) -> Callable[[bytes], Sequence[tuple[int, int, int]]]:
    """What finds keywords in joined texts; at least one in each text that has any."""
    automaton = ahocorasick_rs.BytesAhoCorasick(
        [needle.encode("utf-8", "surrogatepass") for needle in placed],
        implementation=ahocorasick_rs.Implementation.DFA,
        matchkind=ahocorasick_rs.MatchKind.LeftmostFirst,
    )
    find: Callable[[bytes], Sequence[tuple[int, int, int]]] = automaton.find_matches_as_indexes
    return find
