"""Bytes that leave the office, counted once though a long connection is told several times."""

from __future__ import annotations

from collector.analysers.bounded import Recent
from collector.analysers.targets import carried, number, outwards
from collector.heads.head import Entry

MOST_FLOWS = 16_384
UPLOAD = 3
"""Times as much out as in makes an upload; video calls and web pages give back as much or more."""


class Sent:
    """What flows have sent since they were last told. Analysers of the same logs share one; a log counts once."""

    def __init__(self) -> None:
        self._counted: tuple[Entry | None, int] = (None, 0)
        self._told: Recent[str, int] = Recent(MOST_FLOWS)

    def new(self, entry: Entry) -> int:
        """Return the bytes of an upload that this log adds; 0 for all other connections.

        Sequence numbers may lie, so no more counts than packets carried.
        """
        if entry is not self._counted[0]:
            self._counted = entry, self._new(entry)
        return self._counted[1]

    def _new(self, entry: Entry) -> int:
        if not outwards(entry):
            return 0
        total = min(carried(entry, "orig"), number(entry, "orig_ip_bytes"))
        told = (self._told.pop if entry.log.path == "conn" else self._told.get)(entry.uid) or 0
        if total < UPLOAD * carried(entry, "resp"):
            return 0
        if entry.log.path != "conn":
            self._told[entry.uid] = total
        return max(0, total - told)
