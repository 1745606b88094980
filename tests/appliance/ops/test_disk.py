"""A disk without room is told from every other fault."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from appliance.ops.disk import is_full, why
from appliance.store import StoreUnavailable

FOLDER = Path("/var/lib/czujka")


def _caused() -> Exception:
    error = StoreUnavailable("writing a segment")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full")),
        _caused(),
    ],
)
def test_no_room_is_one_sentence_with_the_folder(error: Exception) -> None:
    assert is_full(error)
    assert why(FOLDER, error).startswith("Na dysku z folderem /var/lib/czujka nie ma miejsca.")


def test_other_faults_keep_their_words_on_one_line() -> None:
    error = OSError(errno.EIO, "Input/output\nerror")
    assert not is_full(error)
    assert why(FOLDER, error) == "[Errno 5] Input/output error"
    assert why(FOLDER, ValueError()) == "ValueError"
    assert len(why(FOLDER, ValueError("x" * 9999))) == 500
