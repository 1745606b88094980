"""One flow out of a ring: the packets of both directions in the order of their times, as a pcapng file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collector.arrays import Flags
from collector.slices.files import INDEX, segments
from collector.slices.form import FRAMING, IDENTITY, LINKS, PACKET, RUN, beginning, uid_from

WHOLE, NONE, PART = 0, 1, 3
"""Exit codes of a cutting: all packets, none there, the first ones up to the bound."""
_HEAD = Struct("<IIIIIII")
_WORD = Struct("<I")


class Piece(NamedTuple):
    """A packet's block, its interface in the ring, its time in nanoseconds."""

    at: int
    interface: int
    block: bytes


class Cut(NamedTuple):
    """A flow as a file. `whole` is False when packets were left out because of the bound."""

    content: bytes
    packets: int
    whole: bool


def cut(folder: Path, uid: str, most: int) -> Cut | None:
    """Return a flow's packets, the first ones up to `most` bytes, None when the ring has none. Raises OSError."""
    # A file that was imported twice stands there twice, run by run.
    runs = dict.fromkeys(run for path in segments(folder) for run in _runs(path, uid))
    pieces = sorted((piece for run in runs for piece in _pieces(run)), key=lambda piece: piece.at)
    if not pieces:
        return None
    used = sorted({piece.interface for piece in pieces})
    links = [int(LINKS[number]) for number in used]
    parts, size = [beginning(links)], 0
    for piece in pieces:
        size += len(piece.block)
        if size > most:
            break
        parts.append(piece.block[:8] + _WORD.pack(used.index(piece.interface)) + piece.block[12:])
    return Cut(b"".join(parts), len(parts) - 1, len(parts) - 1 == len(pieces))


def _runs(path: Path, uid: str) -> Iterator[bytes]:
    """Yield the runs of a flow in one file of the ring; one that is being removed has none."""
    try:
        raw = path.with_suffix(INDEX).read_bytes()
        data = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        # A row that a crash has torn is none.
        rows = np.frombuffer(raw[: len(raw) // RUN.itemsize * RUN.itemsize], RUN)
        for row in rows[_matching(rows, uid)]:
            yield os.pread(data, int(row["length"]), int(row["offset"]))
    finally:
        os.close(data)


def _matching(rows: NDArray[np.void], uid: str) -> Flags:
    names = rows.view(np.uint8).reshape(len(rows), RUN.itemsize)[:, :IDENTITY].copy().view(f"V{IDENTITY}").ravel()
    which, first, back = np.unique(names, return_index=True, return_inverse=True)
    same = np.fromiter((_uid(rows[i]) == uid for i in first.tolist()), np.bool_, len(which))
    return same[back]


def _uid(row: np.void) -> str:
    addresses, ports = row["addresses"].tobytes(), row["ports"].tolist()
    return uid_from(int(row["first"]), int(row["proto"]), int(row["version"]), addresses, ports)


def _pieces(run: bytes) -> Iterator[Piece]:
    """Yield the packets of a run up to where it is not what was written: power may have failed."""
    at = 0
    while at + FRAMING <= len(run):
        kind, length, interface, high, low, caplen, _ = _HEAD.unpack_from(run, at)
        sound = kind == PACKET and interface < len(LINKS) and length == caplen + -caplen % 4 + FRAMING
        if not sound or at + length > len(run):
            return
        yield Piece(high << 32 | low, interface, run[at : at + length])
        at += length
