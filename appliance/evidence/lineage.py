"""Which sealed segments the rows of a merged one came from, also through merges that no round has seen. Pure."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat

from appliance.evidence.ledger import Live
from appliance.store.manifest import MAX_ROWS, Merge

_SIZE = 2 * 4 * MAX_ROWS
"""Bytes of the members of the largest segment, with room."""


@dataclass(slots=True)
class Origins:
    """The sealed segments that rows came from; `owners` has for each row its number among them, from 1, or 0."""

    sealed: list[Live] = field(default_factory=list)
    owners: array[int] = field(default_factory=lambda: array("H"))

    def packed(self) -> bytes:
        """Return the owners as the chain keeps them: little-endian numbers of 16 bits, deflated."""
        owners = array("H", self.owners)
        if sys.byteorder == "big":
            owners.byteswap()
        return zlib.compress(owners.tobytes(), 6)


def origins(file: str, merges: Callable[[str], Merge | None], sealed: Mapping[str, Live]) -> Origins:
    """Return where the rows of a file came from; `merges` says what a file was made of.

    Raises ValueError when the records of the merges do not fit the segments.
    """
    found = Origins()
    merge = merges(file)
    if merge is None:
        return found
    try:
        found.owners = array("H", _rows(merge, merges, sealed, found.sealed))
    except (IndexError, RuntimeError, zlib.error) as error:
        raise ValueError(f"{file}: {error}") from error
    counted = Counter(found.owners)
    wrong = [one.file for at, one in enumerate(found.sealed, 1) if counted[at] != one.rows]
    if wrong:
        raise ValueError(f"{file}: not all rows of {', '.join(wrong[:5])}")
    return found


def ancestors(file: str, merges: Callable[[str], Merge | None], sealed: Mapping[str, Live]) -> Iterator[Live]:
    """Yield the sealed segments whose events a file has: itself, or what it was made of."""
    if file in sealed:
        yield sealed[file]
        return
    merge = merges(file)
    for old in merge.olds if merge is not None else ():
        yield from ancestors(old, merges, sealed)


def _rows(
    merge: Merge, merges: Callable[[str], Merge | None], sealed: Mapping[str, Live], found: list[Live]
) -> Iterator[int]:
    # Both files are in the order of time and id: the rows that came from one are in the order that they had there.
    parts = [_part(old, merges, sealed, found) for old in merge.olds]
    members = array("H", zlib.decompressobj().decompress(merge.members, _SIZE))
    if sys.byteorder == "big":
        members.byteswap()
    return (next(parts[member - 1]) for member in members)


def _part(
    file: str, merges: Callable[[str], Merge | None], sealed: Mapping[str, Live], found: list[Live]
) -> Iterator[int]:
    if file in sealed:
        found.append(sealed[file])
        return repeat(len(found))
    merge = merges(file)
    return repeat(0) if merge is None else _rows(merge, merges, sealed, found)
