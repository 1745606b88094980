"""What the indexes of segments tell of questions: the rows that answer one, or those that may."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from appliance.search import Field, Node
from appliance.search.evaluate import APART
from appliance.search.nodes import And, Exact, Leaf, Or, Pattern
from appliance.store import appendix, links, words
from appliance.store.asked import Asked, spared
from appliance.store.columnar import Places
from appliance.store.damage import reading
from appliance.store.grams import TEXTS
from appliance.store.manifest import Segment
from appliance.store.processes import START
from appliance.store.shape import split
from appliance.store.sketches import Sketches

MOST_BYTES = 16 << 20
"""Of indexes in memory."""
MOST_ROWS = 4096
"""Rows of a segment that are read one by one; with more the engine is faster."""
LINKED = frozenset(split(column)[0] for column in (links.HOST, *links.COLUMNS))
"""The fields by which processes are joined."""
_WORD = re.compile(f"[a-z]{{{words.SHORTEST},}}")


@dataclass(frozen=True, slots=True)
class _Around:
    """What the parts of a question around one of them say: the host, and that it is about starts of processes."""

    host: str | None = None
    starts: bool = False


class Indexes:
    """The indexes of one folder of segments, read when first asked for; may be used by several threads.

    Its methods raise what `reading` does.
    """

    def __init__(self, folder: Path, sketches: Sketches) -> None:
        self._folder, self._sketches = folder, sketches
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], bytes | None] = OrderedDict()
        self._size = 0

    def exact(self, segment: Segment, node: Node) -> Places | None:
        """Return the rows that answer a question, in order; None where the index of words cannot tell exactly."""
        match node:
            case And(children) | Or(children) if children:
                parts: list[Places] = []
                for child in children:
                    rows = self.exact(segment, child)
                    if rows is None:
                        return None
                    parts.append(rows)
                return reduce(np.intersect1d if isinstance(node, And) else np.union1d, parts)
            case Leaf((), Pattern(_, True) as test) if _WORD.fullmatch(test.literal or ""):
                return self._worded(segment, test.literal or "")
        return None

    def _worded(self, segment: Segment, text: str) -> Places | None:
        index = self._index(segment, words.NAME)
        rows = None if index is None else words.find(index, text)
        return None if rows is None else rows[rows < segment.rows]

    def near(self, segment: Segment, asked: Asked) -> Places | None:
        """Return rows that may answer, None where that does not tell enough."""
        if not spared(segment, asked.node, asked.only):
            return None
        rows = self._rows(segment, asked.node)
        return rows if rows is not None and len(rows) <= MOST_ROWS else None

    def _rows(self, segment: Segment, node: Node, around: _Around = _Around()) -> Places | None:
        """Return the rows that may answer a question, in order; None where no index tells."""
        match node:
            case And(children):
                inner = _told(children, around)
                known = [rows for one in children if (rows := self._rows(segment, one, inner)) is not None]
                return reduce(np.intersect1d, known) if known else None
            case Or(children):
                parts = [self._rows(segment, one, around) for one in children]
                known = [rows for rows in parts if rows is not None]
                return reduce(np.union1d, known) if len(known) == len(parts) > 0 else None
            case Leaf(fields, Exact(value)) if around.host is not None and len(fields) == 1:
                return self._linked(segment, fields[0].name, value, around)
            case Leaf(fields, Pattern() as test) if fields and all(_texts(segment, field) for field in fields):
                known = [rows for one in _words_of(test) if (rows := self._worded(segment, one)) is not None]
                return reduce(np.intersect1d, known) if known else None
        return None

    def _linked(self, segment: Segment, name: str, value: str | int, around: _Around) -> Places | None:
        columns = [one for one in links.COLUMNS if split(one)[0] == name]
        if not columns or not _covered(segment) or not (around.starts or columns[0] in links.NAMES):
            return None
        index = self._index(segment, links.NAME)
        if index is None:
            return None
        rows = links.look_up(index, str(around.host), columns[0], value)
        return rows[rows < segment.rows]

    def _index(self, segment: Segment, name: str) -> bytes | None:
        """Return an index of a segment, None when it has none that is sound."""
        key = segment.file, name
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        place = self._sketches.of(segment).indexes.get(name)
        index = None
        if place is not None:
            with reading(self._folder, segment) as path:
                index = appendix.content(path, place)
        with self._lock:
            self._keep(key, index)
        return index

    def _keep(self, key: tuple[str, str], index: bytes | None) -> None:
        self._size -= len(self._kept.pop(key, None) or b"")
        self._kept[key] = index
        self._size += len(index or b"")
        while self._size > MOST_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1] or b"")


def _texts(segment: Segment, field: Field) -> bool:
    """Return whether what columns have of a field are texts, among those that the index of words looks at."""
    kinds = {kind for name, kind in map(split, segment.columns) if name == field.name}
    return field.kind in TEXTS and field.name not in APART and kinds <= {"s"}


def _words_of(test: Pattern) -> list[str]:
    """Return words that each value found must have."""
    return [word for part in test.parts if isinstance(part, str) for word in _WORD.findall(part)]


def _told(children: Sequence[Node], around: _Around) -> _Around:
    """Add what the children of a conjunction say."""
    for child in children:
        match child:
            case Leaf((field,), Exact(str(host))) if split(links.HOST)[0] == field.name:
                around = replace(around, host=host)
            case _ if child == START:
                around = replace(around, starts=True)
    return around


def _covered(segment: Segment) -> bool:
    """Return whether what the index of starts looks at stands in its columns alone."""
    if segment.rest is None or segment.rest & LINKED:
        return False
    there = {column for column in segment.columns if split(column)[0] in LINKED}
    return there <= {links.HOST, *links.COLUMNS}
