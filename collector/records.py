"""Logs as records on the wire: Zeek's names, what the box's normaliser of the network reads, and an identity."""

from __future__ import annotations

import time

from agent.wire.event import CREATED, ID, MODULE, Record, event_id
from collector.heads.head import Entry
from collector.logs import line, record

NETWORK = "network"
"""The module whose records these are."""


def wire_record(entry: Entry) -> Record:
    """Return the record of a log; its identity follows from what it says, whoever reads the packets."""
    found: Record = dict(record(entry))  # type: ignore[arg-type]  # sequences of scalars are lists here
    found[MODULE] = NETWORK
    found[CREATED] = time.time_ns() // 1000
    found[ID] = event_id(NETWORK, line(entry))
    return found
