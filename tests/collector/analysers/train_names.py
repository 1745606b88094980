"""Makes the model of signs that follow each other (collector/analysers/data/signs.txt) of the CLDR's words from Babel.

    python -m tests.collector.analysers.train_names

Each word counts once, however often it occurs. Words stand alone and in pairs, as people register them, some with a
number behind. A tenth of the words, chosen by their hash, is kept apart for the test.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise

from babel import Locale

from collector.analysers.domains import FOLDER
from collector.analysers.names import EDGE, SIGNS, places

LANGUAGES = "pl en de fr es it nl pt cs sk sv da nb fi hu ro hr sl lt lv et tr id ca sq af"
HEADER = """\
# Surprise of a sign (column) after another (row), in hundredths of a bit.
# Made by tests/collector/analysers/train_names.py of words of the Unicode CLDR in 26 languages.
# Columns: {signs}, then the edge of a label ({edge}).
"""
_LETTERS = str.maketrans({"ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe"})


def words() -> list[str]:
    """Return all words of at least three letters, each once, without accents."""
    found = {word for language in LANGUAGES.split() for text in _texts(Locale.parse(language)) for word in _plain(text)}
    return sorted(found)


def held_back(word: str) -> bool:
    """Tell whether a word is for the test."""
    return zlib.crc32(word.encode()) % 10 == 0


def _texts(locale: Locale) -> Iterator[str]:
    for table in (locale.territories, locale.languages, locale.scripts, locale.currencies, locale.variants):
        yield from map(str, table.values())
    for place in locale.time_zones.values():
        yield str(place.get("city", ""))
    for unit in locale._data["unit_patterns"].values():
        yield from (str(text) for forms in unit.values() if isinstance(forms, dict) for text in forms.values())
    for names in (locale.months, locale.days):
        yield from (str(text) for forms in names["format"].values() for text in forms.values())


def _plain(text: str) -> list[str]:
    spelt = unicodedata.normalize("NFKD", text.translate(_LETTERS).lower())
    return re.findall(r"[a-z]{3,}", "".join(sign for sign in spelt if not unicodedata.combining(sign)))


def labels(known: Iterable[str]) -> Iterator[str]:
    """Yield words as labels: alone, two together, with a dash, with a number."""
    before = "www"
    for word in known:
        yield word
        mark = zlib.crc32(word.encode())
        yield (before + word, f"{before}-{word}", f"{word}{mark % 100}", f"{word}{mark % 10}{before}")[mark // 100 % 4]
        before = word


def trained(known: Iterable[str]) -> list[list[int]]:
    """Return the model of labels."""
    size = len(SIGNS) + 1
    seen = [[0.5] * size for _ in range(size)]
    for label in known:
        row = places(label)
        for one, after in pairwise(row):
            seen[one][after] += 1
    return [[round(-100 * math.log2(count / sum(row))) for count in row] for row in seen]


def main() -> None:
    """Write the model."""
    known = [word for word in words() if not held_back(word)]
    lines = [" ".join([sign, *map(str, row)]) for sign, row in zip(SIGNS + EDGE, trained(labels(known)), strict=True)]
    text = HEADER.format(signs=SIGNS, edge=EDGE) + "\n".join(lines) + "\n"
    (FOLDER / "signs.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
