"""Which rows of a segment have which words: runs of at least three ASCII letters, folded, in any text of an event.

A text of letters alone that is sought stands within such runs, so the rows of all runs that contain it are the answer,
exactly. Layout: the sizes of the parts (little-endian, 32 bits), then the words (a line each), of each the number of
its rows' list, the ends of the lists, and the lists; words that always stand together share one. Few rows are numbers
of 32 bits; many are the steps from one to the next, a byte each, 255 = go on. A word whose rows would cost too much has
none: what it contains cannot be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from appliance.search.evaluate import APART
from appliance.store.grams import FOLDED, unstrayed
from appliance.store.shape import REST, split

NAME = "words of lists"
SHORTEST = 3
BYTES_A_ROW = 7
"""What the index may cost."""
MOST_WORDS = 100_000
_SLICE = 32_768
_FEW_TEXTS = 512
_LEVEL = 3
_GO_ON = 255
_RARE = 1024
"""A word that fewer rows than one in so many have is kept as numbers."""
_MOST_BYTES = 64 << 20
_SIZES = 12
_LETTERS = np.zeros(256, np.bool_)
_LETTERS[ord("a") : ord("z") + 1] = True
Rows = npt.NDArray[np.int64]


def build(table: Any) -> bytes | None:
    """Return the index of a table, None when it has too many words."""
    numbers: dict[bytes, int] = {}
    found: dict[int, list[Rows]] = defaultdict(list)
    for start in range(0, table.num_rows, _SLICE):
        for word, rows in _of_slice(table.slice(start, _SLICE), numbers):
            found[word].append(rows + start)
        if len(numbers) > MOST_WORDS:
            return None
    lists: dict[bytes, int] = {}
    kept = [_encoded(np.concatenate(found[word]), table.num_rows) for word in range(len(numbers))]
    places = [lists.setdefault(one, len(lists)) for one in kept]
    return _packed(list(numbers), places, _bounded(list(lists), BYTES_A_ROW * table.num_rows))


def _bounded(kept: list[bytes], most: int) -> list[bytes]:
    """Leave out what takes the most until all together take no more than that."""
    size = sum(map(len, kept))
    for at in sorted(range(len(kept)), key=lambda one: -len(kept[one])):
        if size <= most:
            break
        size -= len(kept[at])
        kept[at] = b""
    return kept


def _packed(words: list[bytes], places: list[int], kept: list[bytes]) -> bytes:
    lines = zstandard.compress(b"\n" + b"".join(word + b"\n" for word in words), _LEVEL)
    ends = np.cumsum([len(one) for one in kept], dtype=np.int64)
    sizes, *numbers = (np.asarray(one, "<u4").tobytes() for one in ((len(words), len(kept), len(lines)), places, ends))
    return b"".join((sizes, lines, *numbers, *kept))


def _encoded(rows: Rows, size: int) -> bytes:
    if len(rows) * _RARE < size:
        return b"\0" + rows.astype("<u4").tobytes()
    steps = np.diff(rows, prepend=0)
    more = steps // _GO_ON
    # Every step is as many bytes of 255 as it has, and one for what is left.
    coded = np.full(int(more.sum()) + len(steps), _GO_ON, np.uint8)
    coded[np.cumsum(more + 1) - 1] = steps % _GO_ON
    return b"\1" + zstandard.compress(coded.tobytes(), _LEVEL)


def _decoded(kept: bytes) -> Rows:
    if kept[:1] == b"\0":
        return np.frombuffer(kept, "<u4", offset=1).astype(np.int64)
    coded = np.frombuffer(zstandard.decompress(kept[1:], max_output_size=_MOST_BYTES), np.uint8)
    rows: Rows = np.cumsum(coded, dtype=np.int64)[coded != _GO_ON]
    return rows


def find(index: bytes, text: str) -> Rows | None:
    """Return the rows that have a text of at least three small ASCII letters, in order; None when it cannot be told."""
    words, count, size = np.frombuffer(index, "<u4", 3).tolist()
    lines = zstandard.decompress(index[_SIZES : _SIZES + size], max_output_size=_MOST_BYTES)
    places = np.frombuffer(index, "<u4", words, _SIZES + size)
    ends = np.frombuffer(index, "<u4", count, _SIZES + size + places.nbytes)
    begin = _SIZES + size + places.nbytes + ends.nbytes
    parts: list[Rows] = []
    for place in sorted({int(places[word]) for word in _containing(lines, text.encode())}):
        low, high = int(ends[place - 1]) if place else 0, int(ends[place])
        if low == high:
            return None
        parts.append(_decoded(index[begin + low : begin + high]))
    if len(parts) == 1:
        return parts[0]
    mask = np.zeros(max((int(one[-1]) for one in parts), default=-1) + 1, np.bool_)
    for one in parts:
        mask[one] = True
    return np.flatnonzero(mask)


def _containing(lines: bytes, text: bytes) -> list[int]:
    """Return the numbers of the words that contain a text."""
    found: list[int] = []
    at, seen, number = lines.find(text), 0, -1
    while at >= 0:
        number += lines.count(b"\n", seen, at)
        found.append(number)
        seen = lines.index(b"\n", at)
        at = lines.find(text, seen)
    return found


def _of_slice(table: Any, numbers: dict[bytes, int]) -> Iterator[tuple[int, Rows]]:
    """Yield each word of some rows and which rows have it, in order; new words get numbers."""
    masks: dict[int, npt.NDArray[np.bool_]] = {}
    pairs = [np.zeros(0, np.int64)]
    for texts, rows in _columns(table):
        coded = texts.dictionary_encode()
        word, owner = _words(coded.dictionary, numbers)
        codes = np.asarray(coded.indices, np.int64)
        if len(coded.dictionary) <= _FEW_TEXTS:
            for one, owners in _split(word, owner):
                has = np.zeros(len(coded.dictionary), np.bool_)
                has[owners] = True
                mask = masks.setdefault(one, np.zeros(table.num_rows, np.bool_))
                mask[rows[has[codes]]] = True
        else:
            pairs.append(_paired(word, owner, codes, rows, len(coded.dictionary)))
    for one, places in _split(*np.divmod(_distinct(np.concatenate(pairs)), _SLICE)):
        if one in masks:
            masks[one][places] = True
        else:
            yield one, places
    for one, mask in masks.items():
        yield one, np.flatnonzero(mask)


def _paired(word: Rows, owner: Rows, codes: Rows, rows: Rows, texts: int) -> Rows:
    """Return words and rows as one number each: a word times the size of a slice, and the row."""
    counts = np.bincount(owner, minlength=texts)
    begins = np.cumsum(counts) - counts
    times = counts[codes]
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    paired: Rows = word[np.repeat(begins[codes], times) + within] * _SLICE + np.repeat(rows, times)
    return paired


def _distinct(numbers: Rows) -> Rows:
    """Return different numbers in order; sorting is faster than what NumPy does for that."""
    numbers.sort()
    first = np.ones(len(numbers), np.bool_)
    first[1:] = numbers[1:] != numbers[:-1]
    return numbers[first]


def _split(keys: Rows, values: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield each key and its values, in their order."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    for at, stop in pairwise([*begins.tolist(), len(keys)]):
        yield int(keys[at]), values[at:stop]


def _columns(table: Any) -> Iterator[tuple[Any, Rows]]:
    """Yield the texts in which a text without a field is sought, and the row of each."""
    for name in table.column_names:
        field, kind = split(name)
        if kind == "s" and field not in APART and name != REST:
            column = table.column(name).combine_chunks()
            there = np.flatnonzero(np.asarray(column.is_valid(), np.bool_))
            yield column.drop_null(), there
    if REST in table.column_names:
        rest = table.column(REST).combine_chunks()
        entries = pc.list_flatten(rest)
        names, kinds = pc.struct_field(entries, "n"), pc.struct_field(entries, "k")
        fits = pc.and_(pc.is_in(kinds, pa.array(["s", "S"])), pc.invert(pc.is_in(names, pa.array(sorted(APART)))))
        rows = np.asarray(pc.list_parent_indices(rest), np.int64)[np.asarray(fits, np.bool_)]
        yield pc.struct_field(entries, "v").filter(fits), rows


def _words(texts: Any, numbers: dict[bytes, int]) -> tuple[Rows, Rows]:
    """Return the number of each word in some texts and in which of them it stands, by text."""
    texts = unstrayed(texts)
    _, offsets, data = pa.concat_arrays([texts, pa.array([], texts.type)]).buffers()
    ends = np.frombuffer(offsets, np.int32)[: len(texts) + 1].astype(np.int64)
    if data is None or ends[-1] == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    folded = FOLDED[np.frombuffer(data, np.uint8)[: ends[-1]]]
    begins, sizes = _runs(_LETTERS[folded], ends)
    places = np.repeat(begins - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    marks = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    runs = pa.BinaryArray.from_buffers(
        pa.binary(), len(sizes), [None, pa.py_buffer(marks.tobytes()), pa.py_buffer(folded[places].tobytes())]
    ).dictionary_encode()
    new: list[Any] = runs.dictionary.to_pylist()
    known = np.array([numbers.setdefault(one, len(numbers)) for one in new], np.int64)
    owner = np.searchsorted(ends[1:], begins, side="right")
    return known[np.asarray(runs.indices, np.int64)], owner


def _runs(letters: npt.NDArray[np.bool_], ends: Rows) -> tuple[Rows, Rows]:
    """Return where runs of letters begin that are long enough, and their sizes; `ends` part the texts."""
    cuts = ends[(ends > 0) & (ends < len(letters))]
    before = np.concatenate([[False], letters[:-1]])
    before[cuts] = False
    behind = np.concatenate([letters[1:], [False]])
    behind[cuts - 1] = False
    begins = np.flatnonzero(letters & ~before)
    sizes = np.flatnonzero(letters & ~behind) + 1 - begins
    long = sizes >= SHORTEST
    return begins[long], sizes[long]
