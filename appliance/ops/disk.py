"""What a failed write means to a person: where there is no room, or what else it is, and what to do."""

from __future__ import annotations

import errno
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: BaseException | None) -> bool:
    """Say whether an error, or one that caused it, comes from a disk without room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        # SQLite has only its sentence: "database or disk is full".
        if "disk is full" in str(error):
            return True
        error = error.__cause__
    return False


def why(folder: Path, error: Exception) -> str:
    """Return the sentence for a write below a folder that failed."""
    if is_full(error):
        return f"Na dysku z folderem {folder} nie ma miejsca. Zwolnij miejsce; reszta wróci sama."
    return " ".join(str(error).split())[:500] or type(error).__name__
