"""One flow out of a ring: the packets of both directions in the order of their times, as a pcapng file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collector.arrays import Flags
from collector.flows.record import digest_of, digests_of
from collector.slices.files import INDEX, segments
from collector.slices.form import FRAMING, IDENTITY, LINKS, PACKET, RUN, beginning, named

WHOLE, NONE, PART = 0, 1, 3
"""Exit codes of a cutting: all packets, none there, the first ones up to the bound."""
_HEAD = Struct("<IIIIIII")
_WORD = Struct("<I")
_MIX = np.array([secrets.randbits(64) | 1 for _ in range(IDENTITY // 8)], np.uint64)
"""Odd numbers that make one of a row's words; nobody can know which rows they take for one flow."""


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
    runs = dict.fromkeys(run for path in segments(folder) for run in _runs(path, digests_of(uid)))
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


def _runs(path: Path, wanted: frozenset[bytes]) -> Iterator[bytes]:
    """Yield the runs of a flow in one file of the ring; one that is being removed has none."""
    try:
        raw = path.with_suffix(INDEX).read_bytes()
        data = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        # A row that a crash has torn is none.
        rows = np.frombuffer(raw[: len(raw) // RUN.itemsize * RUN.itemsize], RUN)
        for row in rows[_matching(rows, wanted)]:
            yield os.pread(data, int(row["length"]), int(row["offset"]))
    finally:
        os.close(data)


def _matching(rows: NDArray[np.void], wanted: frozenset[bytes]) -> Flags:
    """Tell which rows are of a flow whose uid has one of these digests: each flow is hashed once."""
    words = np.ascontiguousarray(rows.view("u8").reshape(len(rows), -1)[:, : IDENTITY // 8])
    _, first = np.unique((words * _MIX).sum(axis=1, dtype=np.uint64), return_index=True)
    found = np.zeros(len(rows), np.bool_)
    for six, size in ((False, 4), (True, 16)):
        these = first[(rows["version"][first] == 6) == six]
        for row in these[_hits(named(rows[these], size), len(these), wanted)].tolist():
            found |= (words == words[row]).all(axis=1)
    return found


def _hits(names: bytes, count: int, wanted: frozenset[bytes]) -> list[int]:
    step = len(names) // max(count, 1)
    places = range(0, count * step, step or 1)
    return [number for number, at in enumerate(places) if digest_of(names[at : at + step]) in wanted]


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
