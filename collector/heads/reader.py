"""Chooses the packets of a batch that are read, and keeps the parsers of the flows that live."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from collector.arrays import Ints
from collector.flows.columns import Columns
from collector.flows.record import Conn, address, uid_of
from collector.flows.table import Assigned
from collector.headers.parse import Headers
from collector.headers.transport import SYN, TCP, UDP, Transport
from collector.heads.expected import Waiting
from collector.heads.head import FAULTS, READ, RESUME, SKIP, Entry, Head, opens_the_way, told_at, weird
from collector.heads.landmarks import Packets, before
from collector.protocols.model import Flow, Log, Protocol, Side

LOG = logging.getLogger(__name__)
MAX_HEADS = 16_000
"""Flows that are read at once. When there are more, a sixteenth is given up: those of a single packet first, then those
of one direction; of them those that were silent longest.
"""
MAX_HELD = 32 << 20
"""Bytes that wait in all streams together for those before them; beyond, holes are given up at once."""


CONTRADICTED = "rexmit_inconsistency"
"""Zeek's name of bytes that came twice with different contents."""
_SIDES = (Side.ORIG, Side.RESP)


class Packet(NamedTuple):
    """A payload: its flow's number and slot, its sender, its time in microseconds.

    A datagram has no `seq`; `missing` bytes at its end were not captured.
    """

    number: int
    slot: int
    side: Side
    at: int
    data: bytes
    seq: int | None
    missing: int


class _Beginning(NamedTuple):
    """What a flow's reading begins with: time of its first packet, ends, its sides' first sequence numbers or -1."""

    first: int
    proto: int
    orig: tuple[bytes, int]
    resp: tuple[bytes, int]
    begins: tuple[int, int]


def _begins(transport: Transport, rows: Ints) -> Ints:
    """Return the sequence numbers of payloads: a SYN takes one before its own."""
    begins: Ints = (transport.seq[rows] + ((transport.flags[rows] & SYN) != 0)) & 0xFFFFFFFF
    return begins


class Heads:
    """The reading of all flows, by the flows' numbers: a slot that is used again brings nobody another's parser."""

    def __init__(self, columns: Columns, protocols: Sequence[Protocol]) -> None:
        """Read flows of the table with these columns; protocols are asked in this order."""
        self._columns = columns
        self._heads: dict[int, Head] = {}
        self._services: dict[int, str] = {}
        self._asked: dict[str, list[Protocol]] = {"tcp": [], "udp": []}
        self._ports: dict[str, dict[int, Protocol]] = {"tcp": {}, "udp": {}}
        for protocol in protocols:
            for transport in protocol.transports:
                self._asked[transport].append(protocol)
                for port in protocol.ports:
                    self._ports[transport].setdefault(port, protocol)
        marked = [protocol for protocol in protocols if protocol.landmark is not None]
        self._numbers = {protocol.name: number for number, protocol in enumerate(marked, RESUME + 1)}
        self._landmarks = {self._numbers[one.name]: one.landmark for one in marked if one.landmark is not None}
        self.held = 0
        """Bytes that wait in all streams together."""
        self._waiting = Waiting()
        self.weird: Counter[str] = Counter()
        self.selected = self.faults = self.given_up = 0
        """Packets that were read, faults of parsers that no parser may have, flows given up for want of room."""

    def __len__(self) -> int:
        return len(self._heads)

    def read(self, headers: Headers, assigned: Assigned) -> list[Entry]:
        """Return the logs that the batch's packets give."""
        rows = self._chosen(headers, assigned)
        self.selected += len(rows)
        transport, data = headers.transport, headers.words.data.data
        udp = (headers.network.proto[rows] == UDP).tolist()
        numbers, slots = assigned.number[rows].tolist(), assigned.slot[rows].tolist()
        fresh = self._fresh(dict(zip(numbers, slots, strict=True)))
        heads, found = self._heads, list[Entry]()
        for number, slot, side, is_udp, at, start, captured, length, seq in zip(
            numbers, slots, assigned.side[rows].tolist(),
            udp, (headers.batch.at[rows] // 1000).tolist(), transport.payload[rows].tolist(),
            transport.captured[rows].tolist(), transport.length[rows].tolist(), _begins(transport, rows).tolist(),
            strict=True,
        ):  # fmt: skip
            head = heads.get(number)
            if head is None:
                if (beginning := fresh.pop(number, None)) is None:  # given up within this batch
                    continue
                head = self._open(number, slot, beginning)
            payload = bytes(data[start : start + captured])
            if head.wanted[side] != READ and head.passes(side, payload):
                continue
            if (
                head.conversation is not None
                and head.wanted[side] == READ
                and (is_udp or (captured == length and head.streams[side].follows(seq, payload)))
            ):
                self._tell(head, _SIDES[side], at, (payload,), found)
                self._after(head, number, slot, at, found)
                continue
            packet = Packet(number, slot, _SIDES[side], at, payload, None if is_udp else seq, length - captured)
            self._packet(head, packet, found)
        return found

    def _chosen(self, headers: Headers, assigned: Assigned) -> Ints:
        """Return the rows whose payload somebody may want to read."""
        columns, proto, transport = self._columns, headers.network.proto, headers.transport
        chosen = (assigned.number >= 0) & (transport.captured > 0) & ((proto == UDP) | (proto == TCP))
        wanted = columns.wanted[assigned.slot, assigned.side]
        chosen &= wanted != SKIP
        chosen &= columns.number[assigned.slot] == assigned.number
        bulk = np.flatnonzero(chosen & (wanted > RESUME))
        if len(bulk):
            sides = 2 * assigned.slot[bulk] + assigned.side[bulk]
            packets = Packets(transport.payload[bulk], transport.captured[bulk], sides, wanted[bulk].astype(np.int64))
            chosen[bulk[before(headers.words, packets, self._landmarks)]] = False
        return np.flatnonzero(chosen)

    def _fresh(self, slots: dict[int, int]) -> dict[int, _Beginning]:
        """Return what is to be known, to begin, of those flows (number to slot) that are not read yet."""
        fresh = {number: slot for number, slot in slots.items() if number not in self._heads}
        if not fresh:
            return {}
        columns, at = self._columns, np.array(list(fresh.values()), np.int64)
        packed, sizes = columns.addresses[at].tobytes(), np.where(columns.version[at] == 6, 16, 4).tolist()
        rows = zip(
            fresh.items(), range(0, len(packed), 32), sizes, columns.proto[at].tolist(), columns.first[at].tolist(),
            columns.ports[at].tolist(), np.where(columns.other[at] < 0, columns.base[at], -1).tolist(),
            columns.orig[at].tolist(), strict=True,
        )  # fmt: skip
        found = {}
        for (number, slot), place, size, proto, first, (orig_p, resp_p), begins, turned in rows:
            orig, resp = packed[place : place + size], packed[place + 16 : place + 16 + size]
            history = columns.history[slot]
            known = (begins[turned] if "S" in history else -1, begins[1 - turned] if "h" in history else -1)
            found[number] = _Beginning(first, proto, (orig, orig_p), (resp, resp_p), known)
        return found

    def _open(self, number: int, slot: int, beginning: _Beginning) -> Head:
        if len(self._heads) >= MAX_HEADS:
            self._make_room()
        first, proto, (orig, orig_p), (resp, resp_p), begins = beginning
        flow = Flow(address(orig), orig_p, address(resp), resp_p, "udp" if proto == UDP else "tcp")
        head = self._heads[number] = Head(flow, uid_of(first, proto, (orig, orig_p), (resp, resp_p)), slot, begins)
        if self._waiting and proto == TCP and (protocol := self._waiting.take(flow, first)) is not None:
            self._read_by(number, head, protocol)
        return head

    def _make_room(self) -> None:
        """Give up the flows of which the least is lost; a datagram may begin one anew, a segment not."""
        columns = self._columns
        numbers = np.fromiter(self._heads, np.int64, len(self._heads))
        slots = np.fromiter((head.slot for head in self._heads.values()), np.int64, len(numbers))
        packets = columns.packets[slots]
        worth = np.where((packets > 0).all(axis=1), 2, packets.sum(axis=1) > 1)
        given_up = np.lexsort((columns.heard[slots], worth))[: max(1, MAX_HEADS // 16)]
        self.given_up += len(given_up)
        for number in numbers[given_up].tolist():
            self._take(number)
        slots = slots[given_up]
        columns.wanted[slots[columns.proto[slots] == TCP]] = SKIP

    def _read_by(self, number: int, head: Head, protocol: Protocol) -> None:
        head.read_by(protocol)
        self._services[number] = protocol.name

    def _packet(self, head: Head, packet: Packet, found: list[Entry]) -> None:
        number, slot, side, at, data, seq, missing = packet
        if seq is None:
            if head.protocol is None and opens_the_way(data):
                return
            pieces: list[bytes | None] = [data]
        else:
            stream = head.streams[side]
            held = stream.held
            pieces = head.pieces(side, seq, data, missing, wait=self.held < MAX_HELD)
            self.held += stream.held - held
            if stream.contradicted and not head.contradicted:
                self._contradicted(head, at, found)
            if not pieces:
                return
        if head.protocol is None:
            head.waiting += [(side, piece) for piece in pieces]
            if not self._recognised(number, head, side):
                if head.hopeless:
                    self._take(number)
                    self._columns.wanted[slot] = SKIP
                return
            waiting, head.waiting = head.waiting if seq is not None else [(side, data)], []
            for who, piece in waiting:
                self._tell(head, who, at, (piece,), found)
        else:
            self._tell(head, side, at, pieces, found)
        self._after(head, number, slot, at, found)

    def _contradicted(self, head: Head, at: int, found: list[Entry]) -> None:
        """Tell once that bytes of a flow came twice, and not the same: what the receiver took is not known."""
        head.contradicted = True
        self.weird[CONTRADICTED] += 1
        found.append(Entry(Log("weird", at, {"name": CONTRADICTED, "source": "tcp"}), head.uid, head.flow))

    def _after(self, head: Head, number: int, slot: int, at: int, found: list[Entry]) -> None:
        """Do what follows from what a parser has just read: wait for what it announced, read on or no more."""
        assert head.protocol is not None
        if head.protocol.expects is not None:
            self._expect(head, at)
        if head.conversation is not None and not head.conversation.done:
            if head.changed:
                head.changed = False
                resume = self._numbers.get(head.protocol.name, RESUME)
                self._columns.wanted[slot] = [resume if one == RESUME else one for one in head.wanted]
            return
        self._take(number)
        self._close(head, at, found)
        self._columns.wanted[slot] = SKIP
        if head.conversation is None and not head.logged:
            self._services.pop(number, None)  # it only looked like that protocol

    def _expect(self, head: Head, at: int) -> None:
        """Wait for a flow that this one has announced."""
        assert head.protocol is not None
        assert head.protocol.expects is not None
        if head.conversation is not None and (expected := head.protocol.expects(head.conversation)) is not None:
            self._waiting.add(expected, head.uid, at * 1000)

    def _recognised(self, number: int, head: Head, side: Side) -> bool:
        """Ask the protocols whose the flow is; the port decides when nobody knows.

        A datagram speaks for itself, a stream by all that the side has said.
        """
        transport = head.flow.transport
        said = head.waiting[-1:] if transport == "udp" else head.waiting
        begin = b"".join(part for who, part in said if who == side and part)
        found = None
        for protocol in self._asked[transport] if begin else ():
            try:
                if protocol.recognises(side, begin):
                    found = protocol
                    break
            except FAULTS:
                continue
        if found is None and begin:
            ports = self._ports[transport]
            found = ports.get(head.flow.resp_p) or ports.get(head.flow.orig_p)
        if found is None:
            return False
        self._read_by(number, head, found)
        return True

    def _tell(self, head: Head, side: Side, at: int, pieces: Iterable[bytes | None], found: list[Entry]) -> None:
        """Let the parser read; what breaks its rules ends the reading and is told itself."""
        if head.conversation is None:
            return
        try:
            head.tell(side, at, pieces, found)
        except Exception as error:  # noqa: BLE001 - a parser's fault must not end the sensor
            self._failed(head, at, error, found)

    def _failed(self, head: Head, at: int, error: Exception, found: list[Entry]) -> None:
        """Tell what broke the rules, of a flow's datagrams the first, the tenth, the hundredth …"""
        assert head.protocol is not None
        if not isinstance(error, FAULTS):
            head.conversation = None
            LOG.error("parser_fault protocol=%s uid=%s", head.protocol.name, head.uid, exc_info=error)
            self.faults += 1
            return
        head.bad += 1
        if not head.lasts:
            self._give_up(head, at, found)
        log = weird(error, head.protocol.name, at, "message" if head.conversation else "flow")
        self.weird[str(log.fields["name"])] += 1
        if told_at(head.bad):
            found.append(Entry(log, head.uid, head.flow))

    def _give_up(self, head: Head, at: int, found: list[Entry]) -> None:
        """Let a parser that cannot read on tell what it knows: a request is no less true for a broken answer."""
        try:
            head.end(at, found)
        except FAULTS:
            return
        except Exception:
            LOG.exception("parser_fault uid=%s", head.uid)
            self.faults += 1

    def _close(self, head: Head, at: int, found: list[Entry]) -> None:
        try:
            head.close(at, found)
        except Exception as error:  # noqa: BLE001 - a parser's fault must not end the sensor
            self._failed(head, at, error, found)

    def _take(self, number: int) -> Head | None:
        """Return a flow's head, which is kept no longer, nor counted what waits in it; None when there is none."""
        head = self._heads.pop(number, None)
        if head is not None:
            self.held -= head.held
        return head

    def finish(self, conn: Conn) -> list[Entry]:
        """Return what the parser of a flow that ended still has to tell."""
        found: list[Entry] = []
        head = self._take(conn.number)
        if head is not None:
            if head.bad and not head.understood:
                self._services.pop(conn.number, None)  # it only looked like that protocol
            self._close(head, conn.last // 1000, found)
        return found

    def service(self, conn: Conn) -> str:
        """Return the flow's service as Zeek names it, empty when nobody recognised it; an ended flow is forgotten."""
        if conn.final:
            return self._services.pop(conn.number, "")
        return self._services.get(conn.number, "")
