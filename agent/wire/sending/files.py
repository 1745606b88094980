"""Small files that must be whole and private, and the place they take."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    OWN = os.O_BINARY | os.O_NOINHERIT
else:
    OWN = os.O_CLOEXEC
"""Flags of a file that no child gets and whose bytes are left as they are."""
_PATIENCE = 2.0
"""Seconds for which a file that others have open is waited for."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | OWN


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner only, on Windows for SYSTEM and the administrators; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        from agent.windows.private import make_private  # noqa: PLC0415 (on Windows alone)

        make_private(folder)
    else:
        folder.chmod(0o700)


def free_bytes(folder: Path) -> int:
    """Return how many bytes this process may still write where a folder lies; raises OSError."""
    if sys.platform == "win32":
        from agent.windows.facts import free_bytes as free  # noqa: PLC0415 (on Windows alone)

        return free(folder)
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def write_private(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, mode 0600, on disk before this returns; raises OSError.

    On Windows the file has the rights of its folder.
    """
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, _CREATE, 0o600)
    try:
        if sys.platform != "win32":
            os.fchmod(descriptor, 0o600)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _put(draft, path)
    if sys.platform != "win32":  # where no program can open a folder to write it out; NTFS logs a renaming itself
        _write_out(path.parent)


def write_public(path: Path, data: bytes) -> None:
    """Replace a file's content as `write_private` does, and let every account of this computer read it."""
    write_private(path, data)
    if sys.platform == "win32":
        from agent.windows.private import make_readable  # noqa: PLC0415 (on Windows alone)

        make_readable(path)
    else:
        path.chmod(0o644)


def _put(draft: Path, path: Path) -> None:
    """Let a file take another's place. On Windows that fails while somebody, a virus scanner say, has either open."""
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            draft.replace(path)
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > patience:
                raise
            time.sleep(0.02)
        else:
            return


def _write_out(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
