"""The catalogue of every text the console shows: asked by key, filled with escaped values.

The files are read by `appliance.language.catalogue`. Sources keep ordinary spaces; the non-breaking ones are put in
when the catalogue is loaded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from appliance.language import catalogue, plural
from appliance.language.catalogue import LANGUAGES, CatalogueError
from appliance.language.numbers import number
from appliance.language.typography import bind_spaces

__all__ = ["LANGUAGES", "Catalogue", "CatalogueError", "bare", "load", "visible"]
FOLDER = Path(__file__).parent / "catalogue"
_KEEP = frozenset("\n\t")
_NAMED = re.compile(r'<span class="odd">(\[U\+[0-9A-F]+\])</span>')


class Catalogue:
    """All texts by key."""

    def __init__(self, entries: Mapping[str, catalogue.Texts]) -> None:
        self._entries = dict(entries)

    @property
    def keys(self) -> frozenset[str]:
        """Every key."""
        return frozenset(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def raw(self, key: str, lang: str) -> tuple[str, ...]:
        """Return the forms of a text in a language, unfilled."""
        return self._entries[key][lang]

    def text(self, key: str, lang: str, **values: object) -> str:
        """Return a text, filled. Raises KeyError for an unknown key or a missing value."""
        return self._chosen(key, lang, values).format_map(_shown(values, lang))

    def markup(self, key: str, lang: str, **values: object) -> Markup:
        """Return a text for HTML: everything that fills it is escaped and its invisible signs are made visible."""
        shown = {name: _safe(value, lang) for name, value in values.items()}
        return Markup(escape(self._chosen(key, lang, values)).format_map(shown))  # noqa: S704 - both parts are escaped

    def _chosen(self, key: str, lang: str, values: Mapping[str, object]) -> str:
        forms = self._entries[key][lang]
        if len(forms) == 1:
            return forms[0]
        count = values["n"]
        if not isinstance(count, int):
            raise TypeError(f"{key}: n must be a whole number, not {count!r}")
        return plural.choose(count, forms, lang)


def _shown(values: Mapping[str, object], lang: str) -> dict[str, str]:
    return {name: _plain(value, lang) for name, value in values.items()}


def _plain(value: object, lang: str) -> str:
    return number(value, lang) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _safe(value: object, lang: str) -> Markup:
    if isinstance(value, Markup):
        return value
    return visible(_plain(value, lang))


def visible(text: str) -> Markup:
    """Return untrusted text for HTML: escaped, with control, bidirectional and other invisible signs spelled out."""
    if all(sign.isprintable() for sign in text):
        return escape(text)
    return Markup("").join(escape(sign) if _is_seen(sign) else _named(sign) for sign in text)


def _is_seen(sign: str) -> bool:
    # U+00A0 and its kin are spaces that we write ourselves.
    return sign.isprintable() or sign in _KEEP or unicodedata.category(sign) == "Zs"


def _named(sign: str) -> Markup:
    return Markup('<span class="odd">[U+{:04X}]</span>').format(ord(sign))


def bare(shown: Markup) -> Markup:
    """Return what `visible` has made without its elements: signs stay spelled out."""
    return Markup(_NAMED.sub(r"\1", shown))  # noqa: S704 - markup before, and less of it now


def load(folder: Path = FOLDER) -> Catalogue:
    """Read every catalogue file of a folder. Raises CatalogueError with all faults at once."""
    entries = catalogue.load(sorted(folder.glob("*.yml"))).entries
    return Catalogue({key: _bound(forms) for key, forms in entries.items()})


def _bound(texts: catalogue.Texts) -> catalogue.Texts:
    return {lang: tuple(bind_spaces(form, lang) for form in forms) for lang, forms in texts.items()}
