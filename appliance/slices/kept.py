"""The files of packets that were asked for, one a request.

They are written under a passing name first, so that nothing waits for the disk while the state database is locked, and
nobody can change a file that has been taken.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\x0a\x0d\x0d\x0a"
"""How a pcapng file begins."""
_LEFT_SECONDS = 3600.0


class Draft(NamedTuple):
    """Packets on disk under a passing name, with their SHA-256 (hex) and their bytes."""

    path: Path
    sha256: str
    size: int

    def settle(self, number: int) -> None:
        """Make this the file of a request. Raises OSError."""
        self.path.replace(path_of(self.path.parent, number))


def path_of(folder: Path, number: int) -> Path:
    """Return where the packets of a request lie."""
    return folder / f"{number}.pcapng"


@contextmanager
def drafted(folder: Path, content: bytes) -> Iterator[Draft]:
    """Put packets on disk; what is not settled within goes again. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f".{secrets.token_hex(8)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield Draft(path, hashlib.sha256(content).hexdigest(), len(content))
    finally:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a crash has left under passing names."""
    for path in folder.glob(".*"):
        if time.time() - path.stat().st_mtime > _LEFT_SECONDS:
            path.unlink(missing_ok=True)
