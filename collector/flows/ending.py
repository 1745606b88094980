"""The end of flows: when one is over, and what is known of it then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from collector.arrays import Ints
from collector.flows.columns import Columns
from collector.flows.history import BITS, ended
from collector.flows.record import Conn
from collector.headers.transport import TCP

_SECOND = 1_000_000_000


class Patience(NamedTuple):
    """Nanoseconds of silence after which a flow is over, as Zeek's defaults have them.

    `update` is the time between two records of a flow that goes on.
    """

    tcp: int = 300 * _SECOND
    other: int = 60 * _SECOND
    attempt: int = 5 * _SECOND
    closed: int = 5 * _SECOND
    reset: int = _SECOND
    update: int = 600 * _SECOND


def over(columns: Columns, now: int, patience: Patience) -> Ints:
    """Return the slots of flows that have ended; `now` is the time of the table's clock."""
    age = now - columns.heard
    seen = columns.seen
    either, both = seen[:, 0] | seen[:, 1], seen[:, 0] & seen[:, 1]
    tcp = columns.proto == TCP
    limit = np.where(tcp, patience.tcp, patience.other)
    limit[tcp & (either & ~(BITS["s"] | BITS["w"]) == 0)] = patience.attempt
    limit[tcp & ((both & BITS["f"]) != 0)] = patience.closed
    limit[tcp & ((either & BITS["r"]) != 0)] = patience.reset
    return np.flatnonzero(columns.live & (age > limit))


def idle_longest(columns: Columns, count: int, busy: Ints) -> Ints:
    """Return flows to give up for want of room, none `busy`: the unanswered first, of them those silent longest."""
    live = np.setdiff1d(np.flatnonzero(columns.live), busy)
    answered = (columns.packets[live] > 0).all(axis=1)
    order = np.lexsort((columns.heard[live], answered))
    return live[order[:count]]


def facts(columns: Columns, slots: Ints, *, final: bool) -> list[Conn]:
    """Return what is known of these flows, in the order of their beginnings."""
    if not len(slots):
        return []
    slots = slots[np.argsort(columns.first[slots], kind="stable")]
    orig = columns.orig[slots].astype(np.int64)
    sides = np.stack([orig, 1 - orig], axis=1)
    of_sides = [
        list(map(tuple, column[slots[:, None], sides].tolist()))
        for column in (columns.packets, columns.ip_bytes, columns.top, columns.payload)
    ]
    tcp = (columns.proto[slots] == TCP).tolist()
    sizes = np.where(columns.version[slots] == 6, 16, 4).tolist()
    addresses, macs = columns.addresses[slots].tobytes(), columns.macs[slots].tobytes()
    rows = zip(
        columns.number[slots].tolist(), columns.proto[slots].tolist(), columns.ports[slots].tolist(),
        columns.vlans[slots].tolist(), columns.first[slots].tolist(), columns.last[slots].tolist(),
        *of_sides, strict=True,
    )  # fmt: skip
    found = []
    for i, (number, proto, ports, vlans, first, last, packets, ip_bytes, top, payload) in enumerate(rows):
        at, mac, history = 32 * i, 12 * i, columns.history[slots[i]]
        if final and tcp[i]:
            history = ended(history, (top[0] - payload[0], top[1] - payload[1]))
        found.append(Conn(
            number, final, proto,
            addresses[at : at + sizes[i]], addresses[at + 16 : at + 16 + sizes[i]],
            ports[0], ports[1],
            (macs[mac : mac + 6], macs[mac + 6 : mac + 12]), (vlans[0], vlans[1]),
            first, last, history,
            packets, ip_bytes, top if tcp[i] else payload, payload,
        ))  # fmt: skip
    return found
