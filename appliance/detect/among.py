"""Many texts of one list as one comparison: what a line with a placeholder means when its list is long.

A list of a hundred thousand domains would otherwise be as many comparisons, each of which every index and every plan
has to carry. The texts are looked up, not compared one by one; the answer is the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakValueDictionary

from .nodes import Atom, Op
from .values import fold
from .written import pattern_of

#: A list of fewer texts stays single comparisons, which an index finds in passing and an explanation tells apart.
FEW = 200
#: Texts of one comparison.
MOST = 300_000
#: What makes more of the text around a placeholder than itself: wildcards, escapes, another placeholder.
_SPECIAL = re.compile(r"[*?\\%]")
_SHAPE = re.compile(r"([^%]*)%([^%]+)%([^%]*)")
_EDGES = {"startswith": Op.STARTSWITH, "endswith": Op.ENDSWITH}


@dataclass(frozen=True, eq=False)
class Texts:
    """Folded texts and how a value is held against them: equals, startswith or endswith. Equal by their digest."""

    how: Op
    name: str
    """The line's text, with the placeholder."""
    texts: frozenset[str]
    digest: str
    lengths: tuple[int, ...] = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return f"{self.name} ({len(self.texts)})"

    def found(self, folded: str) -> str | None:
        """The text that a folded value satisfies: of several the shortest."""
        if self.how is Op.EQUALS:
            return folded if folded in self.texts else None
        start = self.how is Op.STARTSWITH
        for length in self.lengths:
            part = folded[:length] if start else folded[-length:]
            if part in self.texts:
                return part
        return None

    def accepts(self, value: str) -> bool:
        """Whether a value satisfies one of the texts."""
        return self.found(fold(value)) is not None


#: By digest those that some rule has: a plan names them so.
_known: WeakValueDictionary[str, Texts] = WeakValueDictionary()


def among(
    field_name: str | None, names: Sequence[str], values: object, lists: Mapping[str, Sequence[str]]
) -> Atom | None:
    """The comparison of a line with one placeholder for a long list of plain texts; None for any other line."""
    ways = [name for name in names if name != "expand"]
    if field_name is None or names.count("expand") != 1 or len(ways) > 1 or not _EDGES.keys() >= set(ways):
        return None
    written = values[0] if isinstance(values, list) and len(values) == 1 else values
    shape = _SHAPE.fullmatch(written) if isinstance(written, str) else None
    if shape is None or _SPECIAL.search(shape[1] + shape[3]):
        return None
    listed = lists.get(shape[2].casefold(), ())
    if not FEW <= len(listed) <= MOST:
        return None
    found = _texts(_EDGES[ways[0]] if ways else Op.EQUALS, shape[0], (shape[1], shape[3]), tuple(listed))
    return None if found is None else Atom(field_name, Op.AMONG, found)


@lru_cache(maxsize=8)
def _texts(how: Op, name: str, around: tuple[str, str], listed: tuple[str, ...]) -> Texts | None:
    patterns = list(map(pattern_of, listed))
    if not all(len(one) == 1 and isinstance(one[0], str) for one in patterns):
        return None
    before, after = around
    texts = frozenset(fold(f"{before}{one[0]}{after}") for one in patterns)
    digest = hashlib.sha256(f"{how}\n{name}\n".encode())
    digest.update("\n".join(sorted(texts)).encode("utf-8", "surrogatepass"))
    lengths = tuple(sorted(set(map(len, texts))))
    return known(Texts(how, name, texts, digest.hexdigest(), lengths))


def known(one: Texts) -> Texts:
    """The same texts as some rule has them already, else these."""
    return _known.setdefault(one.digest, one)


def is_known(digest: str) -> bool:
    """Whether a rule has the texts with a digest."""
    return digest in _known


def by_digest(digest: str) -> Texts:
    """The texts with a digest. Raises ValueError when no rule has them any more."""
    found = _known.get(digest)
    if found is None:
        raise ValueError("a list of another time")
    return found
