"""What a connection's ends are to each other: what no single connection tells, and rules of searches must know.

`reached_before` of an attempt inside that failed: its originator reached this port of this computer within a week. A
program that looks after computers finds them off at night; who searches does not know them. `orig_serves` of mail and
names: the originator itself answers on this port, so it is a server that hands on what it was asked.
"""

from __future__ import annotations

import logging

from collector.analysers.bounded import DAY, Recent
from collector.analysers.model import Memory
from collector.analysers.rows import mapping, newest
from collector.analysers.slow_scan import FAILED
from collector.analysers.targets import carried
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log

LOG = logging.getLogger(__name__)
PATHS = frozenset({"conn", "conn_long", "dns"})
MOST_DOORS, MOST_SERVERS, MOST_REMEMBERED = 65_536, 1024, 4000
WEEK = 7 * DAY
HANDED_ON = frozenset({25, 53})
"""Ports of protocols whose servers are clients of others: mail, names."""


class Acquaintance:
    """Remembers who reached whom, and who serves mail and names."""

    def __init__(self) -> None:
        self._doors: Recent[str, int] = Recent(MOST_DOORS)
        self._servers: Recent[str, int] = Recent(MOST_SERVERS)

    def say(self, entry: Entry) -> Entry:
        """Return the log of a connection or a question with what is known of its ends; any other as it is."""
        log, flow = entry.log, entry.flow
        if flow is None or log.path not in PATHS:
            return entry
        found: dict[str, bool] = {}
        if log.path != "dns" and log.fields.get("local_resp"):
            found = self._inside(entry, flow)
        if flow.resp_p in HANDED_ON and self._servers.get(f"{flow.orig_h} {flow.resp_p}") is not None:
            found["orig_serves"] = True
        return Entry(Log(log.path, log.at, {**log.fields, **found}), entry.uid, flow) if found else entry

    def memory(self) -> Memory:
        """Return what should outlive a restart."""
        return {"doors": newest(self._doors, MOST_REMEMBERED), "servers": list(self._servers.items())}

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned; what cannot be read is forgotten."""
        try:
            kept = mapping(memory)
            for table, rows in ((self._doors, kept["doors"]), (self._servers, kept["servers"])):
                for name, at in rows:
                    table[str(name)] = int(at)
        except (LookupError, TypeError, ValueError):
            LOG.warning("acquaintance_unreadable")

    def _inside(self, entry: Entry, flow: Flow) -> dict[str, bool]:
        at, door = entry.log.at, f"{flow.orig_h} {flow.resp_h} {flow.transport}/{flow.resp_p}"
        if str(entry.log.fields.get("conn_state")) in FAILED:
            before = self._doors.get(door)
            return {"reached_before": True} if before is not None and abs(at - before) < WEEK else {}
        if carried(entry, "resp"):
            self._doors[door] = at
            if flow.resp_p in HANDED_ON:
                self._servers[f"{flow.resp_h} {flow.resp_p}"] = at
        return {}
