"""A text that comes in pieces, as a long script does: a secret may begin in one of them and end in the next."""

from __future__ import annotations

import re

from agent.redact.names import MARK
from agent.redact.text import redact_text

KEPT = 4096
"""Characters before a piece that may tell what is in it: more than a private key has."""
OPEN = 256
"""Characters at a piece's edge that are hidden where nobody knows what stands on the other side."""
_CUT = re.compile(r"\S*[^\sA-Za-z]\S*\Z")


def redact_piece(before: str | None, text: str, *, last: bool) -> str:
    """Return a piece with its secrets replaced; `before` is the end of the text before it, None when that is not known.

    Of a piece that is not known to follow, the first line is hidden. Of one that goes on, so is the word that may have
    been cut, unless it has letters alone, and what stands in an open quote.
    """
    if before is None:
        before, text = "", MARK + text[min(OPEN, text.find("\n") % (len(text) + 1)) :]
    whole = before + text
    clean = redact_text(whole)
    shown = text if clean == whole else redact_text(_behind(whole, clean, len(before)))
    return shown if last else shown[:-OPEN] + _uncut(shown[-OPEN:])


def _uncut(end: str) -> str:
    """Return the end of a piece without what may have been cut: what stands in an open quote, else its last word."""
    head, newline, line = end.rpartition("\n")
    opened = min((line.rindex(quote) for quote in "\"'" if line.count(quote) % 2), default=-1)
    return f"{head}{newline}{line[:opened]}{MARK}" if opened >= 0 else _CUT.sub(MARK, end)


def _behind(whole: str, clean: str, place: int) -> str:
    """Return what stands in the clean text for that which is behind a place of the whole.

    Where what is between two secrets could stand in several places, it is taken to be in the last.
    """
    parts: list[str] = []
    at = len(whole)
    for part in reversed(clean.split(MARK)):
        at = whole.rfind(part, 0, at)
        if at <= place:
            parts.append(part[max(0, place - at) :] if at >= 0 else "")
            break
        parts.append(part)
    return MARK.join(reversed(parts))
