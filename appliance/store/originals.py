"""The record that an event came in, kept beside it where the settings say so, by class of events. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from appliance.normalise.model import Event
from appliance.store.classes import shipped
from appliance.store.shape import ARROW, Rows
from appliance.store.sorting import by_class

FIELD = "event.original"
_COLUMN = f"{FIELD}:s"


def with_originals(rows: Rows, events: Sequence[Event], lines: Sequence[bytes], wanted: frozenset[str]) -> Rows:
    """Give the events of the wanted classes their records, in the rows and in the events themselves.

    What is no UTF-8 becomes U+FFFD. An event whose source sent the field has it as it was sent.
    """
    chosen = np.zeros(len(rows), dtype=np.bool_)
    for name, mask in by_class(rows, shipped()):
        if name in wanted:
            chosen |= mask
    table = rows.table
    there = table.column_names.index(_COLUMN) if _COLUMN in table.column_names else None
    texts: list[str | None] = [None] * len(rows) if there is None else table.column(there).to_pylist()
    for at in np.flatnonzero(chosen).tolist():
        if FIELD not in events[at]:
            texts[at] = events[at][FIELD] = lines[at].decode("utf-8", "replace")
    column = pa.array(texts, ARROW["s"])
    if there is not None:
        return Rows(table.set_column(there, _COLUMN, column), rows.rest_names)
    return Rows(table.append_column(_COLUMN, column), rows.rest_names) if chosen.any() else rows
