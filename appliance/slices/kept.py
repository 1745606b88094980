"""The files of packets that were asked for, one a request."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

MAGIC = b"\x0a\x0d\x0d\x0a"
"""How a pcapng file begins."""


def path_of(folder: Path, number: int) -> Path:
    """Return where the packets of a request lie."""
    return folder / f"{number}.pcapng"


def keep(folder: Path, number: int, content: bytes) -> str:
    """Put packets on disk, whole or not at all, and return their SHA-256, hex. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / f".{number}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path_of(folder, number))
    return hashlib.sha256(content).hexdigest()
