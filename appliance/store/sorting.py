"""Rows by the class of events that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from appliance.search import columns
from appliance.store.classes import ORDINARY, Classes, FieldTest
from appliance.store.shape import REST, Rows, physical

Mask = npt.NDArray[np.bool_]


def by_class(rows: Rows, classes: Classes) -> Iterator[tuple[str, Mask]]:
    """Yield each class that has rows, and which they are; every row belongs to one class."""
    left = np.ones(len(rows), dtype=np.bool_)
    known: dict[FieldTest, Mask] = {}
    for one in classes.listed:
        taken = np.zeros(len(rows), dtype=np.bool_)
        for tests in one.match:
            fits = left
            for test in tests:
                if test not in known:
                    known[test] = _fits(rows, test)
                fits = fits & known[test]
            taken |= fits
        if taken.any():
            yield one.id, taken
        left = left & ~taken
    if left.any():
        yield ORDINARY, left


def _fits(rows: Rows, test: FieldTest) -> Mask:
    table = rows.table
    found = np.zeros(len(rows), dtype=np.bool_)
    column = physical(test.field, columns()[test.field])
    if column in table.column_names:
        values = table.column(column)
        found |= pc.is_in(values, pa.array(test.values, values.type)).to_numpy()
    if test.field in rows.rest_names:
        found[_rows_of_rest(table.column(REST), test)] = True
    return found


def _rows_of_rest(rest: Any, test: FieldTest) -> npt.NDArray[np.int64]:
    """Return the rows that have one of the values apart from the field's column: in a list, or as another type."""
    entries = pc.list_flatten(rest.combine_chunks())
    named = pc.equal(pc.struct_field(entries, "n"), pa.scalar(test.field))
    if not pc.any(named).as_py():
        return np.zeros(0, dtype=np.int64)
    values = pa.array([str(value) for value in test.values], pa.string())
    chosen = pc.and_(named, pc.is_in(pc.struct_field(entries, "v"), values))
    parents = pc.list_parent_indices(rest.combine_chunks())
    rows: npt.NDArray[np.int64] = parents.filter(chosen).to_numpy(zero_copy_only=False)
    return rows
