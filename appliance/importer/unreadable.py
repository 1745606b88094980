"""The record that stands for a piece of a file that cannot be read."""

from __future__ import annotations

import base64

from agent.wire.envelope import encode_record

MAX_ORIGINAL = 4096


def unreadable(reason: str, file: str, line: int | None, original: bytes = b"") -> bytes:
    """Return the encoded record; `line` is a line or record number, from 1, None when the reason names the place."""
    return encode_record(
        {
            "event.module": "unreadable",
            "reason": reason,
            "file": file,
            "line": line,
            "original": base64.b64encode(original[:MAX_ORIGINAL]).decode("ascii"),
        }
    )


def located(line: bytes, file: str, number: int, reason: str) -> bytes:
    """Return the record for a line that was read and is no event, its place in the reason; one already is stays."""
    if line.startswith(b'{"event.module":"unreadable"'):
        return line
    return unreadable(f"zapis {number}: {reason}", file, None, line)
