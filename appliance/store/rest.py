"""The column `rest` a field at a time: what stands under one name, as numbers of distinct values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from appliance.normalise.model import Scalar, Value
from appliance.store.columnar import Places, compact
from appliance.store.shape import scalar

NAME, KIND, TEXT = ENTRY = ("n", "k", "v")
WORDS: Any = pa.dictionary(pa.int32(), pa.string())
PLAIN, LISTS = (
    pa.list_(pa.field("element", pa.struct([(part, kind) for part in ENTRY]))) for kind in (pa.string(), WORDS)
)
"""The type of the column, and the same with its texts as numbers into dictionaries."""
TEXTS, EMPTY = "s", "E"
_SHORT = 1 << 16
Found = tuple[list[Value], Places, Places]
"""Values, the places of events that have one of them, and the number of each one's value."""


def distinct(column: Any) -> tuple[list[Any], Places]:
    """Return the distinct values of a column and for each place the number of its value, -1 for none."""
    numbered = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    whole = numbered.unify_dictionaries().combine_chunks()
    return whole.dictionary.to_pylist(), np.asarray(whole.indices.fill_null(-1), np.int64)


def joined(column: Any) -> bytes:
    """Return the distinct texts of a column one after another, as UTF-8."""
    parts = []
    for array in column.chunks:
        # A copy without offset.
        _, offsets, data = pa.concat_arrays([array.dictionary, array.dictionary[:0]]).buffers()
        if data is not None:
            parts.append(data.to_pybytes()[: np.frombuffer(offsets, np.int32)[len(array.dictionary)]])
    return b"".join(parts)


class Rest:
    """The entries of a column `rest`, told apart by name."""

    def __init__(self, column: Any) -> None:
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
        self._place = np.repeat(np.arange(len(lengths)), lengths)
        entries = [pc.list_flatten(array) for array in column.chunks]
        names, name = distinct(_part(entries, NAME))
        self._kinds, self._kind = distinct(_part(entries, KIND))
        texts = _part(entries, TEXT)
        self.joined = joined(texts)
        self._texts, self._text = distinct(texts)
        # Numbers of 16 bits are sorted by their digits.
        self._order = np.argsort(name.astype(np.uint16) if len(names) < _SHORT else name, kind="stable")
        ends = np.cumsum([0, *np.bincount(name, minlength=len(names))]).tolist()
        self._slices = {one: slice(*ends[at : at + 2]) for at, one in enumerate(names)}

    @property
    def names(self) -> frozenset[str]:
        """The names that have entries, perhaps some that have none."""
        return frozenset(self._slices)

    def of(self, name: str) -> Iterator[Found]:
        """Yield what stands under a name: single values, kind by kind, then lists."""
        chosen = self._order[self._slices.get(name, slice(0))]
        kinds = self._kind[chosen]
        for at, kind in enumerate(self._kinds):
            mine = chosen[kinds == at]
            if kind.islower() and len(mine):
                there, number = compact(self._text[mine], len(self._texts))
                found = [self._texts[text] for text in there]
                yield found if kind == TEXTS else [scalar(kind, one) for one in found], self._place[mine], number
        several = chosen[np.array([kind.isupper() for kind in self._kinds], np.bool_)[kinds]]
        if len(several):
            yield self._lists(several)

    def _lists(self, entries: Places) -> Found:
        """Return lists; the entries of one event stand in order."""
        lists: dict[int, list[tuple[int, int]]] = {}
        rows = (part[entries].tolist() for part in (self._place, self._kind, self._text))
        for place, kind, text in zip(*rows, strict=True):
            lists.setdefault(place, []).append((kind, text))
        numbers: dict[tuple[tuple[int, int], ...], int] = {}
        number = [numbers.setdefault(tuple(one), len(numbers)) for one in lists.values()]
        values: list[Value] = [
            tuple(self._element(*entry) for entry in one if self._kinds[entry[0]] != EMPTY) for one in numbers
        ]
        return values, np.array([*lists], np.int64), np.array(number, np.int64)

    def _element(self, kind: int, text: int) -> Scalar:
        return scalar(self._kinds[kind].lower(), self._texts[text])


def _part(entries: Sequence[Any], part: str) -> Any:
    return pa.chunked_array([pc.struct_field(array, part) for array in entries], WORDS)
