"""How much a label looks like one that people chose: a model of which sign follows which in words and names.

The model (data/signs.txt) is made by `python -m tests.collector.analysers.train_names` of the words of the CLDR: names
of countries, cities, languages, currencies, months and units in the languages that an office meets.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from collector.analysers.domains import FOLDER

SIGNS = "abcdefghijklmnopqrstuvwxyz0-"
"""Signs that the model tells apart: letters, any digit, any other sign."""
EDGE = "."
"""Beginning and end of a label, in the model's rows."""
GENERATED = 5.0
"""Bits a sign from which on a label of eight signs or more looks made by a machine: above it are, of labels that the
model has not seen, less than 1 of 100 that people chose and 97 of 100 of random letters (test_names)."""
_PLACES = {**{sign: place for place, sign in enumerate(SIGNS)}, **{str(digit): SIGNS.index("0") for digit in range(10)}}
_DIGIT, _OTHER = SIGNS.index("0"), SIGNS.index("-")
_WHICH_DIGIT = math.log2(10)
"""Bits: the model tells that a digit comes, not which."""
_EDGE = len(SIGNS)


def places(label: str) -> list[int]:
    """Return a label as rows of the model, with its edges."""
    return [_EDGE, *(_PLACES.get(sign, _OTHER) for sign in label), _EDGE]


@lru_cache(maxsize=1)
def model() -> tuple[tuple[int, ...], ...]:
    """Return the surprise of each sign after each other, in hundredths of a bit."""
    rows = [line.split() for line in (FOLDER / "signs.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
    return tuple(tuple(map(int, row[1:])) for row in rows)


def surprise(label: str) -> float:
    """Return the mean surprise of a label in bits a sign; 0 for an empty one."""
    if not label:
        return 0.0
    row = places(label)
    rows = model()
    told = sum(rows[before][after] for before, after in pairwise(row)) / 100
    return (told + _WHICH_DIGIT * row.count(_DIGIT)) / (len(row) - 1)


def entropy(signs: Counter[str]) -> float:
    """Return the entropy of signs in bits."""
    total = signs.total()
    return -sum(n / total * math.log2(n / total) for n in signs.values()) if total else 0.0
