"""Plural forms of whole sentences: three in Polish, two in English.

Source of the rule: CLDR as Babel carries it (`Locale.plural_form` with „one”, „few”, „many”, „other”).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from babel import Locale

_TAGS: dict[str, tuple[str, ...]] = {"pl": ("one", "few", "many"), "en": ("one", "other")}


@cache
def _locale(lang: str) -> Locale:
    return Locale(lang)


def forms(lang: str) -> int:
    """Return how many forms a catalogue entry with a count has: 3 for „pl”, 2 for „en”; KeyError for others."""
    return len(_TAGS[lang])


def form(count: int, lang: str) -> int:
    """Return the index of the form for a whole number (its sign does not matter); KeyError for an unknown language."""
    tags = _TAGS[lang]
    return tags.index(str(_locale(lang).plural_form(abs(count))))


def choose(count: int, variants: Sequence[str], lang: str) -> str:
    """Return the variant that fits the count; ValueError when their number is not that of the language."""
    if len(variants) != forms(lang):
        raise ValueError(f"{lang}: {forms(lang)} forms wanted, {len(variants)} given")
    return variants[form(count, lang)]
