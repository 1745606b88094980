"""Non-breaking spaces, put in by one function at rendering; sources keep ordinary spaces.

Bind the *template* and fill its placeholders afterwards: so a path or an account name that happens to hold „ a ” stays
as the system wrote it. A placeholder counts as a number („{n} min”).
"""

from __future__ import annotations

import re

NBSP = "\u00a0"
UNITS = "min|godz\\.|tyg\\.|dni|dnia|lat|s|ms|B|kB|MB|GB|TB|PB|r\\.|zł|p\\.p\\.|szt\\.|h"
# Code, mark-up and addresses are copied by people and compared by machines: not one sign in them may change.
_KEEP = re.compile(
    r"(`[^`]*`|<(code|pre|kbd|samp|script|style)\b[^>]*>.*?</\2\s*>|<[^>]*>|\b[a-z][a-z0-9+.-]*://\S+|[A-Za-z]:\\\S*)",
    re.DOTALL | re.IGNORECASE,
)
_LETTER = re.compile(r"(?<!\w)([aiouwzAIOUWZ]) (?=\S)")
_UNIT = re.compile(rf"(?<=[\d}}]) (?=(?:{UNITS})(?!\w))")
_BEFORE_NUMBER = re.compile(r"(?<!\w)(godz\.|nr|art\.|§|ust\.|pkt|poz\.|str\.|lit\.) (?=[\d{])")
_GROUPS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")


def _bind(plain: str, lang: str) -> str:
    bound = _UNIT.sub(NBSP, plain)
    bound = _GROUPS.sub(NBSP, bound)
    if lang != "pl":
        return bound
    return _LETTER.sub(rf"\1{NBSP}", _BEFORE_NUMBER.sub(rf"\1{NBSP}", bound))


def bind_spaces(text: str, lang: str = "pl") -> str:
    """Return the text (plain or HTML) with U+00A0 where a line may not break; code, tags and addresses untouched."""
    parts: list[str] = []
    end = 0
    for kept in _KEEP.finditer(text):
        parts += (_bind(text[end : kept.start()], lang), kept.group())
        end = kept.end()
    parts.append(_bind(text[end:], lang))
    return "".join(parts)


def without_code(text: str) -> str:
    """Return the text with its code, tags and addresses replaced by one neutral sign each, for checks of words."""
    return _KEEP.sub("□", text)
