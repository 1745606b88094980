"""One meaning of case for query and event."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from appliance.search.fold import fold


def test_folding_is_what_the_engine_calls_lower_for_every_character() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    connection = duckdb.connect()
    connection.register("given", pa.table({"c": characters}))
    rows = connection.sql("SELECT c, lower(c) FROM given").fetchall()
    connection.close()
    assert [row for row in rows if fold(row[0]) != row[1]] == []


def test_each_character_is_folded_by_itself() -> None:
    assert fold("ΑΣ İ ŻÓŁW ẞ") == "ασ i żółw ß"
