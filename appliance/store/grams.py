"""Which parts of a segment cannot hold a text: for each row group the set of its three-letter pieces, as bits.

Pieces are three ASCII bytes of folded text, hashed to 2^18 bits. A piece that is absent is absent; one that is present
may be another's. Texts of one row group are taken together, so a question is refuted, never answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from appliance.search import Kind, Node
from appliance.search.fold import fold
from appliance.search.nodes import And, Exact, Leaf, Or, Pattern
from appliance.search.regextree import Chars, Part, Regex, Repeat
from appliance.search.regextree import Sequence as Chain
from appliance.store.shape import REST, split

BITS = 18
PIECE = 3
_LEVEL = 3
_BYTES = (1 << BITS) // 8
FOLDED = np.arange(256, dtype=np.uint8)
FOLDED[ord("A") : ord("Z") + 1] += 32
# The only characters outside ASCII whose small letter is in it.
_STRAYS = (("\u0130", "i"), ("\u212a", "k"))
TEXTS = frozenset({Kind.KEYWORD, Kind.WILDCARD, Kind.TEXT, Kind.IP})
"""Kinds of fields whose values are texts."""
Pieces = npt.NDArray[np.uint32]


def sketch(table: Any, rows: int) -> bytes:
    """Return the pieces of all texts of a table, a set for each `rows` rows."""
    parts = [_bits(table.slice(start, rows)) for start in range(0, table.num_rows, rows)]
    return zstandard.compress(b"".join(parts), _LEVEL)


def _bits(table: Any) -> bytes:
    have = np.zeros(1 << BITS, dtype=np.bool_)
    for name in table.column_names:
        if name == REST:
            have[_hashes(_rest(table.column(name)))] = True
        elif split(name)[1] == "s":
            have[_hashes(_bytes(table.column(name)))] = True
    return np.packbits(have).tobytes()


def _rest(column: Any) -> npt.NDArray[np.uint8]:
    return _bytes(pc.struct_field(pc.list_flatten(column), "v"))


def _bytes(column: Any) -> npt.NDArray[np.uint8]:
    """Return the different texts of a column one after another."""
    texts = pc.drop_null(pc.unique(column))
    if len(texts) == 0:
        return np.empty(0, np.uint8)
    return _buffer(unstrayed(texts))


def unstrayed(texts: Any) -> Any:
    """Return texts with the few characters outside ASCII that fold into it folded."""
    data = _buffer(texts).tobytes()
    for stray, plain in _STRAYS:
        if stray.encode() in data:
            texts = pc.replace_substring(texts, stray, plain)
    return texts


def _buffer(texts: Any) -> npt.NDArray[np.uint8]:
    whole = pa.concat_arrays([texts, pa.array([], texts.type)])
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, np.int32)[[0, len(whole)]]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[1]]


def _hashes(data: npt.NDArray[np.uint8]) -> Pieces:
    folded = FOLDED[data].astype(np.uint32)
    if len(folded) < PIECE:
        return np.empty(0, np.uint32)
    number = (folded[:-2] << np.uint32(16)) | (folded[1:-1] << np.uint32(8)) | folded[2:]
    hashed: Pieces = (number * np.uint32(2654435761)) >> np.uint32(32 - BITS)
    return hashed


def may_hold(kept: bytes, node: Node) -> bool:
    """Return whether some event behind a sketch can answer a telling question; False is certain."""
    return bool(holding(kept, node))


@lru_cache(maxsize=512)  # one question asks each sketch some times
def holding(kept: bytes, node: Node) -> Sequence[int]:
    """Return the row groups behind a sketch, counted from 0, that may have an answer to a telling question."""
    bits = np.frombuffer(zstandard.decompress(kept), np.uint8)
    starts = range(0, len(bits), _BYTES)
    return tuple(at for at, start in enumerate(starts) if _possible(node, bits[start : start + _BYTES]))


def telling(node: Node) -> bool:
    """Return whether a question has a text that must be there."""
    match node:
        case And(children):
            return any(map(telling, children))
        case Or(children):
            return all(map(telling, children))
        case Leaf():
            return any(len(text) >= PIECE for text in _texts(node))
    return False


def _possible(node: Node, bits: npt.NDArray[np.uint8]) -> bool:
    match node:
        case And(children):
            return all(_possible(child, bits) for child in children)
        case Or(children):
            return any(_possible(child, bits) for child in children)
        case Leaf():
            return all(_held(text, bits) for text in _texts(node))
    return True


def _held(text: str, bits: npt.NDArray[np.uint8]) -> bool:
    byte, shift = _places(text)
    return bool(((bits[byte] >> shift) & 1).all())


@lru_cache(maxsize=64)
def _places(text: str) -> tuple[Pieces, Pieces]:
    """Return where the bits of a text are: bytes of a sketch, and how far to the right of each."""
    at = _hashes(np.frombuffer(text.encode(), np.uint8))
    return at >> np.uint32(3), 7 - (at & np.uint32(7))


@lru_cache(maxsize=64)
def _texts(leaf: Leaf) -> Sequence[str]:
    """Return ASCII texts that every value found must have; none where a value may be no text."""
    if any(field.kind not in TEXTS or field.name == "event.id" for field in leaf.fields):
        return ()
    match leaf.test:
        case Pattern(parts):
            whole = [part for part in parts if isinstance(part, str)]
        case Exact(str(value)):
            whole = [fold(value)]
        case Regex(branches) if len(branches) == 1:
            whole = _literals(branches[0].part)
        case _:
            whole = []
    return tuple(run for text in whole for run in _runs(text))


def _runs(text: str) -> list[str]:
    return "".join(character if character.isascii() else "\x80" for character in text).split("\x80")


def _literals(part: Part) -> list[str]:
    """Return texts that everything a regular expression finds must have."""
    match part:
        case Chars():
            return [single(part)]
        case Chain(parts):
            return _joined(parts)
        case Repeat(inner, low, _) if low > 0:
            return _literals(inner)
    return []


def _joined(parts: Sequence[Part]) -> list[str]:
    found = [""]
    for part in parts:
        text = single(part) if isinstance(part, Chars) else ""
        if text:
            found[-1] += text
        else:
            found += [*_literals(part), ""]
    return found


def single(chars: Chars) -> str:
    """Return the one folded character that a set stands for; "" when it stands for several."""
    folded = {fold(chr(point)) for low, high in chars.ranges[:3] for point in range(low, min(high, low + 2) + 1)}
    return folded.pop() if len(folded) == 1 and len(chars.ranges) < 3 else ""
