"""What a connection that is told several times has carried since it was last told.

A connection of days is told every ten minutes with all of its bytes so far; who adds up bytes of a day needs what is
new. `orig_bytes_added` and `resp_bytes_added` stand in every `conn_long`, and in the `conn` that ends such a flow.
"""

from __future__ import annotations

from collector.analysers.bounded import Recent
from collector.analysers.targets import number
from collector.heads.head import Entry
from collector.protocols.model import Log

MOST = 65_536
"""Flows that go on for longer than ten minutes; of more those told longest ago are new again."""
_SIDES = ("orig", "resp")


class Increments:
    """Remembers what was told of flows that go on."""

    def __init__(self) -> None:
        self._told: Recent[str, tuple[int, int]] = Recent(MOST)

    def say(self, entry: Entry) -> Entry:
        """Return a log of a flow that goes on, or went on, with what is new in it; any other as it is."""
        log = entry.log
        if log.path not in {"conn", "conn_long"}:
            return entry
        before = self._told.pop(entry.uid)
        if before is None and log.path == "conn":
            return entry
        # Sequence numbers may lie: no more counts than packets carried.
        orig, resp = (min(number(entry, f"{side}_bytes"), number(entry, f"{side}_ip_bytes")) for side in _SIDES)
        if log.path == "conn_long":
            self._told[entry.uid] = (orig, resp)
        first, second = before or (0, 0)
        added = {"orig_bytes_added": max(0, orig - first), "resp_bytes_added": max(0, resp - second)}
        return Entry(Log(log.path, log.at, {**log.fields, **added}), entry.uid, entry.flow)
