"""What is known of one file, and what two moments of it say. Pure."""

from __future__ import annotations

import stat
from typing import NamedTuple

CREATED, MODIFIED, DELETED, ATTRIBUTES = "file_created", "file_modified", "file_deleted", "file_attributes"

ATTRIBUTE_BITS = {1: "readonly", 2: "hidden", 4: "system"}
"""Attributes of Windows whose change is told; the others say what backup and indexing have done."""


class Entry(NamedTuple):
    """A file as it was seen. Times in nanoseconds since the epoch."""

    mode: int
    """Type and permissions, as in stat(2); on Windows type and ATTRIBUTE_BITS."""
    size: int
    uid: int
    gid: int
    mtime: int
    ctime: int
    inode: int
    sha256: str = ""
    """Of the content; empty when it was not read: no plain file, too large, unreadable, or changing all the time."""
    target: str = ""
    """Where a symbolic link leads."""
    rights: str = ""
    """Owner and access list as Windows writes them (SDDL); empty elsewhere, where `mode`, `uid` and `gid` say it."""

    @property
    def kind(self) -> str:
        """ECS `file.type`."""
        if stat.S_ISREG(self.mode):
            return "file"
        if stat.S_ISDIR(self.mode):
            return "dir"
        return "symlink" if stat.S_ISLNK(self.mode) else "device"

    def same_state(self, other: Entry) -> bool:
        """Say whether nothing can have happened between the two: then the content need not be read again."""
        return self[:7] == other[:7]


class Change(NamedTuple):
    """What happened to a file: an action, and what of it differs."""

    action: str
    parts: tuple[str, ...] = ()


def compare(before: Entry | None, after: Entry | None) -> Change | None:
    """Return what became of a file between two looks, None for nothing that matters."""
    if before is None or after is None:
        if before is after:
            return None
        return Change(CREATED if before is None else DELETED)
    if before.kind != after.kind:
        return Change(MODIFIED, ("type",))
    content = ("content",) if _content_differs(before, after) else ()
    parts = (*content, *_attributes(before, after))
    if not parts:
        return None
    return Change(MODIFIED if content else ATTRIBUTES, parts)


def _content_differs(before: Entry, after: Entry) -> bool:
    if after.kind in {"dir", "device"}:
        return False
    if before.sha256 and after.sha256:
        return before.sha256 != after.sha256
    return (before.size, before.mtime, before.target) != (after.size, after.mtime, after.target)


def _attributes(before: Entry, after: Entry) -> tuple[str, ...]:
    differs = {
        "mode": stat.S_IMODE(before.mode) != stat.S_IMODE(after.mode),
        "owner": before.uid != after.uid,
        "group": before.gid != after.gid,
        "rights": bool(before.rights and after.rights) and before.rights != after.rights,
    }
    return tuple(name for name, one in differs.items() if one)
