"""How far the sides of TCP flows have got by their sequence numbers, and what of them came again."""

from __future__ import annotations

import numpy as np

from collector.arrays import Flags, Ints
from collector.flows.columns import Columns
from collector.flows.grouped import Groups
from collector.flows.history import instances, longer
from collector.headers.parse import Headers
from collector.headers.transport import FIN, RST, SYN, TCP

_MASK = 0xFFFFFFFF


def advance(columns: Columns, headers: Headers, groups: Groups, slots: Ints) -> Flags:
    """Move the tops of TCP sides on; `slots` are those of the groups' flows.

    Return which sorted rows are data of which nothing lies beyond what was seen: what Zeek calls retransmitted.
    """
    transport, at, side = headers.transport, slots[groups.flow], groups.side
    first = groups.first()
    begins = transport.seq[first] + ((transport.flags[first] & SYN) != 0)
    base = columns.base[at, side]
    base = np.where(base < 0, begins & _MASK, base)
    _settle(columns, headers, groups, at, base)
    columns.base[at, side] = base
    top = columns.top[at, side]
    # Sequence numbers go round at 2^32.
    reached = (transport.seq + transport.length)[groups.order] - np.repeat(base + top, groups.counts)
    reached = ((reached + (1 << 31)) & _MASK) - (1 << 31)
    flags = transport.flags[groups.order]
    silent = (flags & (RST | SYN)) != 0
    silent |= headers.network.proto[groups.order] != TCP
    reached[silent] = 0
    most = groups.running(np.maximum(reached, 0))
    now = top + most[np.append(groups.starts[1:], len(most)) - 1]
    closes = np.flatnonzero((flags & (FIN | RST | SYN)) == FIN)
    end = _ends(columns, groups, at, closes, reached[closes])
    columns.top[at, side] = now - ((now == end + 1) & (end >= 0))
    before = np.append(0, most[:-1])
    before[groups.starts] = 0
    again: Flags = (reached <= before) & ~silent & (transport.length[groups.order] > 0)
    return again


def _ends(columns: Columns, groups: Groups, at: Ints, closes: Ints, reached: Ints) -> Ints:
    """Return where sides end, -1 where that is not known; the sorted rows `closes` say it, reaching beyond the tops.

    An end takes a sequence number, as a beginning does: what comes after it speaks from one further on.
    """
    end = columns.end[at, groups.side]
    if len(closes):
        group = np.searchsorted(groups.starts, closes, side="right") - 1
        slots, sides = at[group], groups.side[group]
        np.maximum.at(end, group, columns.top[slots, sides] + reached)
        columns.end[slots, sides] = end[group]
    return end


def _settle(columns: Columns, headers: Headers, groups: Groups, at: Ints, base: Ints) -> None:
    """Decide where sides begin that say so twice with different numbers: where the first that they send then lies.

    Both happen: a server that forgot its first answer, and a stranger, or a copy, whose answer nobody takes.
    """
    transport, rows, side = headers.transport, groups.order, groups.side
    tcp, flags = headers.network.proto[rows] == TCP, transport.flags[rows]
    opens = np.flatnonzero(tcp & ((flags & SYN) != 0))
    group = np.searchsorted(groups.starts, opens, side="right") - 1
    begins = (transport.seq[rows[opens]] + 1) & _MASK
    different = begins != base[group]
    waiting = columns.other[at, side] >= 0
    if not different.any() and not waiting.any():
        return
    plain = tcp & ((flags & (SYN | RST)) == 0)
    first = np.minimum.reduceat(np.where(plain, np.arange(len(rows)), len(rows)), groups.starts)
    different &= (opens < first[group]) & (columns.top[at, side][group] == 0)
    columns.other[at[group[different]], side[group[different]]] = begins[different]
    other = columns.other[at, side]
    settled = np.flatnonzero((other >= 0) & (first < len(rows)))
    said = transport.seq[rows[first[settled]]]
    nearer = settled[_apart(said, other[settled]) < _apart(said, base[settled])]
    base[nearer] = other[nearer]
    columns.other[at[settled], side[settled]] = -1


def _apart(one: Ints, other: Ints) -> Ints:
    distance: Ints = np.minimum((one - other) & _MASK, (other - one) & _MASK)
    return distance


def came_again(columns: Columns, groups: Groups, slots: Ints, again: Flags) -> None:
    """Count rows that came again. The first of a side is noted with what else it did, here others at 10, 100 …"""
    at, side = slots[groups.flow], groups.side
    before = columns.again[at, side]
    after = before + np.add.reduceat(again.astype(np.int64), groups.starts)
    columns.again[at, side] = after
    more = instances(after) - np.maximum(instances(before), 1)
    for group in np.flatnonzero(more > 0).tolist():
        slot = int(at[group])
        letter = "T" if side[group] == columns.orig[slot] else "t"
        columns.history[slot] = longer(columns.history[slot], letter * int(more[group]))
