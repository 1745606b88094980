"""Opaque cursors of paged lists: integers, base64url."""

from __future__ import annotations

import base64
import binascii
import re

_LONGEST = 200
_TEXT = re.compile(rb"-?\d{1,19}(\.-?\d{1,19})*\Z")
_BOUND = 1 << 63


class BadCursor(ValueError):
    """The text is not a cursor of this list."""


def encode(*parts: int) -> str:
    """Return the cursor for some integers."""
    return base64.urlsafe_b64encode(".".join(map(str, parts)).encode()).decode().rstrip("=")


def decode(text: str, count: int) -> tuple[int, ...]:
    """Return the `count` integers of a cursor, each fitting 64 bits. Raises BadCursor."""
    if len(text) > _LONGEST:
        raise BadCursor(text[:20])
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor(text) from error
    if not _TEXT.match(raw):
        raise BadCursor(text)
    parts = tuple(map(int, raw.split(b".")))
    if len(parts) != count or any(not -_BOUND <= part < _BOUND for part in parts):
        raise BadCursor(text)
    return parts
