"""The flow table: takes the headers of a batch, knows the flow of each row, counts, and tells flows that ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from collector.arrays import Flags, Ints
from collector.flows.begin import begin
from collector.flows.clock import Clock
from collector.flows.columns import Columns
from collector.flows.ending import Patience, facts, idle_longest, over
from collector.flows.grouped import Groups
from collector.flows.history import BITS, LETTERS, bits_of, longer
from collector.flows.record import Conn
from collector.flows.sequence import advance, came_again
from collector.headers.parse import Headers
from collector.headers.transport import ACK, FIN, RST, SYN, TCP

MAX_FLOWS = 400_000
"""Flows that live at once; when there are more, those that were never answered go first."""
MAX_ROUNDS = 8
"""How often one flow may begin anew within a batch; later beginnings count to the flow before."""
SAMPLE = 16
"""Of attempts past the allowance, each so many-th becomes a flow."""
NO_FLOW = -1
_SECOND = 1_000_000_000
_UPPER = LETTERS.upper()


@dataclass(slots=True)
class Assigned:
    """For each row of the batch its slot, the number of its flow (NO_FLOW: none) and who sent it (0: originator)."""

    slot: Ints
    number: Ints
    side: Ints
    ended: list[Conn] = field(default_factory=list)


class FlowTable:
    """All flows that live. Time is that of the packets; `tick` moves it on when there are none."""

    def __init__(
        self,
        *,
        most: int = MAX_FLOWS,
        attempts: int = 30_000,
        patience: Patience | None = None,
        server_ports: Iterable[int] = (),
    ) -> None:
        """Take at most `attempts` new unanswered flows a second; `server_ports` are those that servers listen on."""
        self.columns = Columns()
        self._slots: dict[int, int] = {}
        self._free = list(range(self.columns.room - 1, -1, -1))
        self._most = most
        self._attempts = attempts
        self._allowance = float(attempts)
        self._patience = patience or Patience()
        self._servers = np.zeros(65_536, np.bool_)
        self._servers[list(server_ports)] = True
        self._next_number = 0
        self.clock = Clock()
        self._ticked = 0
        self.flooded = self.evicted = self.begun = 0
        """Rows left out as a flood, flows ended for want of room, flows ever."""
        self.sides = self.crossed = 0
        """Sides of flows, counted in each batch, and those of them in another VLAN than their flow began in."""

    def __len__(self) -> int:
        return len(self._slots)

    def rounds(self, headers: Headers) -> Iterator[Assigned]:
        """Take a batch, which should not last longer than the shortest patience.

        Yields once for all rows, and again for those of flows that began anew within the batch. What ended has no
        rows in the same round or in later ones.
        """
        rows = np.flatnonzero(headers.flowing)
        ended: list[Conn] = []
        if len(headers.batch):
            before = self.clock.now
            ended = self._at(int(headers.batch.at[0]), int(headers.batch.at.max()))
            self._allow(self.clock.now - before)
        for last in [False] * MAX_ROUNDS + [True]:
            slot, number, side = (np.full(len(headers.batch), value, np.int64) for value in (0, NO_FLOW, 0))
            assigned = Assigned(slot, number, side, ended)
            if len(rows):
                rows = self._round(headers, rows, assigned, last=last)
            yield assigned
            ended = []
            if not len(rows):
                return

    def tick(self, now: int | None = None) -> list[Conn]:
        """Return, once a second, the flows that ended by being silent, and the state of long ones."""
        return self._due(self.clock.now) if now is None else self._at(now, now)

    def _at(self, first: int, latest: int) -> list[Conn]:
        """Move time on; return what is due before the first of what came together."""
        clock, columns, before = self.clock, self.columns, self.clock.now
        if clock.take(first, latest):
            columns.heard = np.minimum(columns.heard, clock.now)
            columns.told = np.minimum(columns.told, clock.now)
        return self._due(max(before, min(clock.now, first + clock.offset)))

    def _due(self, now: int) -> list[Conn]:
        if now - self._ticked < _SECOND:
            return []
        self._ticked = now
        columns = self.columns
        ended = self._retire(over(columns, now, self._patience))
        long = np.flatnonzero(columns.live & (now - columns.told > self._patience.update))
        columns.told[long] = now
        return ended + facts(columns, long, final=False)

    def finish(self) -> list[Conn]:
        """Return all flows: nothing more comes."""
        return self._retire(np.flatnonzero(self.columns.live))

    def _allow(self, passed: int) -> None:
        """Let as many new attempts come as may in this time (nanoseconds), at most those of a second."""
        self._allowance = min(float(self._attempts), self._allowance + passed / _SECOND * self._attempts)

    def _round(self, headers: Headers, rows: Ints, assigned: Assigned, *, last: bool) -> Ints:
        """Take the rows up to where a flow begins anew; return those after it, of such flows."""
        groups = Groups(rows, headers.key, headers.side)
        slots = self._known(groups)
        if not last and (later := self._reopened(headers, groups, slots, assigned)) is not None:
            if len(later) == len(rows):
                return rows
            kept = rows[~np.isin(rows, later)]
            return np.sort(np.concatenate([later, self._round(headers, kept, assigned, last=True)]))
        absent = np.flatnonzero(slots < 0)
        if len(absent):
            slots, groups = self._begin(headers, groups, slots, absent, assigned)
        if len(groups.order):
            self._count(headers, groups, slots)
            self._tell(groups, slots, assigned)
        return rows[:0]

    def _known(self, groups: Groups) -> Ints:
        known = self._slots.get
        return np.array([known(key, -1) for key in groups.keys.tolist()], np.int64)

    def _reopened(self, headers: Headers, groups: Groups, slots: Ints, assigned: Assigned) -> Ints | None:
        """Find rows of flows that begin anew after their end: a SYN after FIN or RST. None where there are none.

        A flow that ended in an earlier batch is retired, and the same rows are to be asked about again.
        """
        flags = headers.transport.flags
        opens = (flags & (SYN | ACK | RST | FIN)) == SYN
        opens &= headers.network.proto == TCP
        if not opens[groups.order].any():
            return None
        columns = self.columns
        closed_at = groups.first_of_flow((flags & (FIN | RST)) != 0)
        bits = columns.seen[np.maximum(slots, 0)]
        either, both = bits[:, 0] | bits[:, 1], bits[:, 0] & bits[:, 1]
        was_closed = (slots >= 0) & (((either & BITS["r"]) | (both & BITS["f"])) != 0)
        closed_at[was_closed] = -1
        late = opens[groups.order] & (groups.order > groups.spread(closed_at))
        if not late.any():
            return None
        by_row = np.zeros(len(flags), np.bool_)
        by_row[groups.order[late]] = True
        cut = groups.first_of_flow(by_row)
        at_once = was_closed & (cut == groups.first_of_flow())
        if at_once.any():
            assigned.ended += self._retire(slots[at_once])
            return np.sort(groups.order)
        return groups.order[groups.order >= groups.spread(cut)]

    def _begin(
        self, headers: Headers, groups: Groups, slots: Ints, absent: Ints, assigned: Assigned
    ) -> tuple[Ints, Groups]:
        first = groups.first_of_flow()[absent]
        refused = self._refused(headers, groups, absent)
        if refused.any():
            gone = np.zeros(len(groups.keys), np.bool_)
            gone[absent[refused]] = True
            kept = np.sort(groups.order[~groups.spread(gone.astype(np.int64)).astype(np.bool_)])
            self.flooded += len(groups.order) - len(kept)
            if not len(kept):
                groups.order = kept
                return slots, groups
            groups = Groups(kept, headers.key, headers.side)
            slots, absent, first = slots[~gone], np.flatnonzero(slots[~gone] < 0), first[~refused]
        assigned.ended += self._make_room(len(absent), slots[slots >= 0])
        fresh = np.array([self._free.pop() for _ in range(len(absent))], np.int64)
        self._slots.update(zip(groups.keys[absent].tolist(), fresh.tolist(), strict=True))
        slots[absent] = fresh
        columns = self.columns
        columns.clear(fresh)
        columns.key[fresh] = groups.keys[absent]
        columns.number[fresh] = np.arange(self._next_number, self._next_number + len(fresh))
        self._next_number += len(fresh)
        self.begun += len(fresh)
        begin(columns, fresh, headers, first, self._servers)
        columns.heard[fresh] = columns.told[fresh] = columns.first[fresh] + self.clock.offset
        return slots, groups

    def _refused(self, headers: Headers, groups: Groups, absent: Ints) -> Flags:
        """Tell which of the new flows are attempts beyond what a second may bring; a sample is let through."""
        flags = headers.transport.flags
        only = np.bitwise_or.reduceat(np.where(headers.network.proto == TCP, flags, ACK)[groups.order], groups.starts)
        attempt = np.zeros(len(groups.keys), np.int64)
        np.bitwise_or.at(attempt, groups.flow, only)
        half = attempt[absent] == SYN
        wish = int(half.sum())
        if wish <= self._allowance:
            self._allowance -= wish
            return np.zeros(len(absent), np.bool_)
        rank = np.cumsum(half)
        refused: Flags = half & (rank > self._allowance) & (rank % SAMPLE != 0)
        self._allowance = 0.0
        return refused

    def _make_room(self, wanted: int, busy: Ints) -> list[Conn]:
        columns = self.columns
        while len(self._free) < wanted and columns.room < self._most:
            self._free += columns.grow(min(columns.room * 2, self._most))
        lacking = wanted - len(self._free)
        if lacking <= 0:
            return []
        victims = idle_longest(columns, max(lacking, self._most // 16), busy)
        self.evicted += len(victims)
        ended = self._retire(victims)
        if len(self._free) < wanted:  # a batch with more new flows than the table holds
            self._free += columns.grow(columns.room + wanted - len(self._free))
        return ended

    def _retire(self, slots: Ints) -> list[Conn]:
        columns = self.columns
        ended = facts(columns, slots, final=True)
        for slot, key in zip(slots.tolist(), columns.key[slots].tolist(), strict=True):
            del self._slots[key]
            columns.history[slot] = ""
        columns.live[slots] = False
        self._free += slots.tolist()
        return ended

    def _count(self, headers: Headers, groups: Groups, slots: Ints) -> None:
        columns, transport, network = self.columns, headers.transport, headers.network
        at, side = slots[groups.flow], groups.side
        columns.packets[at, side] += groups.counts
        self.sides += len(at)
        self.crossed += int((headers.links.vlan[groups.first()] != columns.vlans[at, 0]).sum())
        columns.ip_bytes[at, side] += groups.sums(np.maximum(network.end - headers.links.net, 0))
        columns.payload[at, side] += groups.sums(transport.length)
        latest = groups.last_of_flow(headers.batch.at)
        columns.last[slots] = np.maximum(columns.last[slots], latest)
        columns.heard[slots] = np.maximum(columns.heard[slots], latest + self.clock.offset)
        bits = bits_of(network.proto, transport.flags, transport.window, transport.length)
        again = advance(columns, headers, groups, slots) if (network.proto == TCP).any() else None
        if again is not None:
            bits[groups.order[again]] |= BITS["t"]
        fresh = groups.union(bits) & ~columns.seen[at, side]
        if fresh.any():
            self._remember(groups, bits, fresh, at, side)
        if again is not None and again.any():
            came_again(columns, groups, slots, again)

    def _remember(self, groups: Groups, bits: Ints, fresh: Ints, at: Ints, side: Ints) -> None:
        columns = self.columns
        columns.seen[at, side] |= fresh.astype(np.int16)
        noted: list[tuple[int, int, int]] = []
        for place in range(len(LETTERS)):
            which = np.flatnonzero(fresh & (1 << place))
            if len(which):
                rows = groups.first_with(bits, 1 << place)[which]
                noted += zip(rows.tolist(), [place] * len(which), which.tolist(), strict=True)
        noted.sort()
        by_orig = (side == columns.orig[at]).tolist()
        slots, history = at.tolist(), columns.history
        for _, place, group in noted:
            slot = slots[group]
            history[slot] = longer(history[slot], _UPPER[place] if by_orig[group] else LETTERS[place])

    def _tell(self, groups: Groups, slots: Ints, assigned: Assigned) -> None:
        of_row = groups.spread(slots)
        side = np.repeat(groups.side, groups.counts)
        assigned.slot[groups.order] = of_row
        assigned.number[groups.order] = self.columns.number[of_row]
        assigned.side[groups.order] = side ^ self.columns.orig[of_row]
