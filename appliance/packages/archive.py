"""Archives that are the same bytes whenever and wherever they are made: no clock, no names of users, one order.

Formats: ar as deb(5) says, tar in the GNU form that dpkg reads, zip with its earliest date.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

EPOCH = 315_532_800
"""The time of every file, 1980-01-01 UTC in seconds: the first that zip knows."""


class Entry(NamedTuple):
    """One file of an archive: its path without a leading slash, its content, its permissions."""

    path: str
    data: bytes
    mode: int = 0o644


def tar_xz(entries: Iterable[Entry]) -> bytes:
    """Return a compressed tar of files and of the folders above them, all of root."""
    files = sorted(entries)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in _folders(files):
            tar.addfile(_member(f"./{folder}", 0o755, tarfile.DIRTYPE))
        for entry in files:
            member = _member(f"./{entry.path}", entry.mode, tarfile.REGTYPE)
            member.size = len(entry.data)
            tar.addfile(member, io.BytesIO(entry.data))
    return lzma.compress(buffer.getvalue())


def ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return an ar archive; names have at most 16 characters."""
    parts = [b"!<arch>\n"]
    for name, data in members:
        parts.append(f"{name:<16}{EPOCH:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode("ascii"))
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def zipped(entries: Iterable[Entry]) -> bytes:
    """Return a deflated zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for entry in sorted(entries):
            member = zipfile.ZipInfo(entry.path)
            member.create_system = 3
            member.external_attr = entry.mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, entry.data)
    return buffer.getvalue()


def _folders(files: Sequence[Entry]) -> list[str]:
    found = {str(parent) for entry in files for parent in PurePosixPath(entry.path).parents}
    return sorted("" if folder == "." else folder for folder in found)


def _member(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime, member.type = mode, EPOCH, kind
    member.uname = member.gname = "root"
    return member
