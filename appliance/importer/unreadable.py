"""The record that stands for a piece of a file that cannot be read."""

from __future__ import annotations

import base64

from agent.wire.envelope import encode_record

MAX_ORIGINAL = 4096


def unreadable(reason: str, file: str, line: int, original: bytes = b"") -> bytes:
    """Return the encoded record; `line` is a line or record number, from 1."""
    return encode_record(
        {
            "event.module": "unreadable",
            "reason": reason,
            "file": file,
            "line": line,
            "original": base64.b64encode(original[:MAX_ORIGINAL]).decode("ascii"),
        }
    )
