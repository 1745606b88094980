"""One meaning of letter case, that Python and every store can compute alike."""

from __future__ import annotations

_DOTTED_I = "\u0130"


def fold(text: str) -> str:
    """Return the text in lower case, each character by itself.

    Unlike str.lower this never looks at neighbours (final sigma) and never makes two characters of one.
    """
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_one, text))


def _fold_one(character: str) -> str:
    return "i" if character == _DOTTED_I else character.lower()
