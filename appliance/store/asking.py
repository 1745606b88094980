"""What the engine is asked about segments: searches, counts and histograms, of each no more than may have an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from appliance.normalise.model import Event
from appliance.store.asked import Asked, parts_of
from appliance.store.damage import first
from appliance.store.engine import Engine, EngineFault
from appliance.store.manifest import Segment
from appliance.store.picking import Hit, hit_of
from appliance.store.shape import ID_COLUMN, REST, TIME_COLUMN, decode
from appliance.store.sketches import Range, Sketches, spans
from appliance.store.sql import Compiler, quoted

FILES_AT_ONCE = 8
RANGES_OF_A_FILE = 8
"""Ranges of time for each file in which events are fetched: a file has about so many row groups."""
_TIME, _ID = quoted(TIME_COLUMN), quoted(ID_COLUMN)


class Asking:
    """Statements over segments of one folder. Each raises what `Engine.run` does, and SegmentDamaged."""

    def __init__(self, folder: Path, engine: Engine, sketches: Sketches) -> None:
        self._folder, self._engine, self._sketches = folder, engine, sketches

    def run(self, statement: str, sql: Compiler, segments: Sequence[Segment]) -> Any:
        """Return the answer to a statement over the rows of segments as an Arrow table."""
        try:
            return self._engine.run(statement, sql.parameters)
        except EngineFault as error:
            damaged = first(self._folder, segments)
            if damaged is not None:
                raise damaged from error
            raise

    def hits(self, asked: Asked, segments: Sequence[Segment]) -> list[Hit]:
        """Return what a search finds, `limit` and one more of each part of the segments."""
        return [hit for part in self._parts(asked, segments) for hit in self._hits(asked, part)]

    def _hits(self, asked: Asked, part: Sequence[Segment]) -> list[Hit]:
        sql = Compiler.of(part)
        where = self.where(sql, asked, part)
        if asked.after:
            time, identity = sql.bind(asked.after.time), sql.bind(bytes.fromhex(asked.after.id))
            than = "<" if asked.descending else ">"
            where += f" AND ({_TIME} {than} {time} OR ({_TIME} = {time} AND {_ID} {than} {identity}))"
        order = "DESC" if asked.descending else "ASC"
        table = self.run(
            f"SELECT {_TIME}, {_ID} FROM {self.source(sql, part)} WHERE {where}"  # noqa: S608 - names are ours, values are bound
            f" ORDER BY {_TIME} {order}, {_ID} {order} LIMIT {asked.limit + 1}",
            sql,
            part,
        )
        return list(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))

    def fetch(
        self, segments: Sequence[Segment], hits: Sequence[Hit], only: frozenset[str] = frozenset()
    ) -> dict[Hit, Event]:
        """Return events, whole or with no fields but some.

        With many files, each would be held against the times of all others: they are read some at a time.
        """
        found: dict[Hit, Event] = {}
        ordered = sorted(segments, key=lambda one: one.min_time)
        near = [one for one in ordered if any(one.min_time <= time <= one.max_time for time, _ in hits)]
        for at in range(0, len(near), FILES_AT_ONCE):
            found |= self._fetch(near[at : at + FILES_AT_ONCE], hits, only)
        return found

    def _fetch(self, part: Sequence[Segment], hits: Sequence[Hit], only: frozenset[str]) -> dict[Hit, Event]:
        inside = [hit for hit in hits if any(one.min_time <= hit[0] <= one.max_time for one in part)]
        sql = Compiler.of(part)
        ids = sql.bind([identity for _, identity in inside])
        ranges = spans((time for time, _ in inside), RANGES_OF_A_FILE * len(part))
        where = f"{_when(sql, ranges)} AND {_ID} IN (SELECT unnest({ids}::BLOB[]))"
        columns = _columns(sql, only) if only else "*"
        table = self.run(f"SELECT {columns} FROM {self.source(sql, part)} WHERE {where}", sql, part)  # noqa: S608 - as above
        return {hit_of(event): event for event in decode(table)}

    def count(self, asked: Asked, segments: Sequence[Segment]) -> int:
        """Return how many events answer."""
        whole = 0
        for part in self._parts(asked, segments):
            sql = Compiler.of(part)
            where = self.where(sql, asked, part)
            table = self.run(f"SELECT count(*) FROM {self.source(sql, part)} WHERE {where}", sql, part)  # noqa: S608 - as above
            whole += int(table.column(0)[0].as_py())
        return whole

    def histogram(self, asked: Asked, segments: Sequence[Segment], start: int, width: int) -> dict[int, int]:
        """Return how many events answer in each part of the time, `width` microseconds each; only those that have."""
        counts: dict[int, int] = {}
        for part in self._parts(asked, segments):
            sql = Compiler.of(part)
            where = self.where(sql, asked, part)
            bucket = f"({_TIME} - {sql.bind(start)}) // {sql.bind(width)}"
            table = self.run(
                f"SELECT {bucket} AS bucket, count(*) FROM {self.source(sql, part)} WHERE {where} GROUP BY bucket",  # noqa: S608 - as above
                sql,
                part,
            )
            for at, n in zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True):
                counts[int(at)] = counts.get(int(at), 0) + n
        return counts

    def _parts(self, asked: Asked, segments: Sequence[Segment]) -> list[list[Segment]]:
        """Return segments in parts that are asked one after another, each as narrowly as it can be."""
        return [one for part in parts_of(asked.node, segments) for one in self._sketches.apart(part, asked.node)]

    def source(self, sql: Compiler, segments: Iterable[Segment]) -> str:
        """Return the relation of all rows of segments."""
        files = sql.bind([str(self._folder / segment.file) for segment in segments])
        return f"read_parquet({files}::VARCHAR[], union_by_name = true)"

    def where(self, sql: Compiler, asked: Asked, segments: Sequence[Segment]) -> str:
        """Return the predicate of a question."""
        pieces = [] if asked.start is None else [f"{_TIME} >= {sql.bind(asked.start)}"]
        pieces += [] if asked.end is None else [f"{_TIME} < {sql.bind(asked.end)}"]
        ranges = self._sketches.ranges(segments, asked.node)
        pieces += [_when(sql, ranges)] if ranges else []
        return " AND ".join([*pieces, sql.where(asked.node)])


def _columns(sql: Compiler, only: frozenset[str]) -> str:
    """Return the columns in which some fields stand, id and time."""
    found = [column for name in sorted(only) for column, _ in sql.columns.get(name, ())]
    rest = [REST] if sql.rest is None or not sql.rest.isdisjoint(only) else []
    return ", ".join(map(quoted, dict.fromkeys([TIME_COLUMN, ID_COLUMN, *found, *rest])))


def _when(sql: Compiler, ranges: Sequence[Range]) -> str:
    """Return the predicate of some ranges of time: of each file the engine reads only row groups that have one."""
    between = [f"{_TIME} BETWEEN {sql.bind(low)} AND {sql.bind(high)}" for low, high in ranges]
    return f"({' OR '.join(between)})"
