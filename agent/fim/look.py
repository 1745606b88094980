"""Looking at files: their state, the hash of their content, the walk through folders. Follows no link."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from agent.fim.entries import Entry

MAX_HASHED = 64 << 20
"""Bytes of a file that is read for its hash; of a larger one size and times have to do."""
MAX_DEPTH = 32
MAX_TARGET = 1024
NAME_SURROGATE = 0x2000_0000
"""The bit of a reparse tag that says: this is another file or folder (symbolic link, junction)."""
_PIECE = 1 << 20


class Unreadable(NamedTuple):
    """A path that could not be looked at, and why."""

    path: str
    reason: str


def look(path: str, before: Entry | None = None, max_hashed: int = MAX_HASHED) -> Entry | None:
    """Return the state of a path, None when there is none; the content is read only if `before` differs.

    Raises OSError when it is there but cannot be looked at.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    entry = entry_of(found)
    if before is not None and before.same_state(entry):
        return entry._replace(sha256=before.sha256, target=before.target)
    if entry.kind == "symlink":
        with contextlib.suppress(OSError):
            entry = entry._replace(target=str(Path(path).readlink())[:MAX_TARGET])
    elif entry.kind == "file" and entry.size <= max_hashed:
        entry = entry._replace(sha256=content(path, entry))
    return entry


def entry_of(found: os.stat_result) -> Entry:
    """Return a stat result as an entry without hash."""
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return Entry(
        found.st_mode, size, found.st_uid, found.st_gid, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
    )  # fmt: skip


def content(path: str, entry: Entry) -> str:
    """Return the SHA-256 of a plain file, empty when it cannot be read, is another by now, or changes meanwhile.

    Not more is read than the file had at first, so that one that grows ends.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return hashed(os.open(path, flags | getattr(os, "O_CLOEXEC", 0)), entry)
    except OSError:
        return ""


def hashed(descriptor: int, entry: Entry) -> str:
    """Return what `content` does, of a file that is open; closes it."""
    digest, left = hashlib.sha256(), entry.size
    try:
        while left > 0 and (piece := os.read(descriptor, min(_PIECE, left))):
            digest.update(piece)
            left -= len(piece)
        now = entry_of(os.fstat(descriptor))
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return digest.hexdigest() if (now.inode, now.size, now.mtime) == (entry.inode, entry.size, entry.mtime) else ""


def _leads_away(folder: os.DirEntry[str]) -> bool:
    """Say whether a folder of Windows is a junction, which is a folder to Python 3.11."""
    if sys.platform == "win32":
        return bool(folder.stat(follow_symlinks=False).st_reparse_tag & NAME_SURROGATE)
    return False


def walk(roots: Iterable[str], covers: Callable[[str], bool]) -> Iterator[str | Unreadable]:
    """Yield every covered path below the roots, the roots too; links are named and not followed."""
    for root in roots:
        yield root
        if Path(root).is_dir() and not Path(root).is_symlink():
            yield from _below(root, covers, MAX_DEPTH)


def _below(folder: str, covers: Callable[[str], bool], depth: int) -> Iterator[str | Unreadable]:
    if not depth:
        yield Unreadable(folder, "too deep")
        return
    folders = []
    try:
        with os.scandir(folder) as inside:
            for one in inside:
                path = f"{folder.rstrip('/')}/{one.name}"
                if covers(path):
                    yield path
                    if one.is_dir(follow_symlinks=False) and not _leads_away(one):
                        folders.append(path)
    except FileNotFoundError:  # went away meanwhile, which the comparison sees
        return
    except OSError as error:
        yield Unreadable(folder, error.strerror or "unknown")
    for path in folders:
        yield from _below(path, covers, depth - 1)
