"""Whose an address is said to be: the last frames that bind addresses to cards, for when somebody disputes one.

ARP, neighbour discovery and DHCP belong to no flow, or to one of a single packet. So the last frames of each address
are held in memory; when an analyser notices something of an address, they go to the ring under a uid of the notice's
own, and what is claimed of the address in the next minutes follows. `slice` cuts them out as it cuts a flow out.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from collector.analysers.bounded import DAY, MINUTE, Recent
from collector.analysers.fields import texts
from collector.arrays import PAD, Ints
from collector.capture.batch import NO_VLAN, Batch
from collector.flows.record import address
from collector.headers.parse import Headers
from collector.headers.transport import UDP
from collector.heads.head import FAULTS
from collector.pace import Pace
from collector.protocols import dhcp, dhcpv6
from collector.protocols.model import Flow, Log, Side
from collector.slices.claim import Claim
from collector.slices.ring import Slices

MOST, CARDS, FRAMES = 2048, 6, 3
"""Addresses of which frames are held; cards (or kinds of messages) of an address; frames of each of them."""
HELD = 2 << 20
"""Bytes of all frames that are held; the addresses that nobody claimed for longest go first."""
LONGEST = 1500
"""Bytes of a frame that are held."""
OLDEST = DAY
"""Microseconds after which a frame is no longer evidence: a gateway is believed for so long without a word."""
FOLLOWED, FOLLOWS, FOLLOW_TIME = 64, 32, 10 * MINUTE
"""Addresses whose next frames go to the ring as they come; how many of each, and for how long."""
MAX_A_SECOND = 500
"""Messages of DHCP that are looked at in a second."""
_DHCP, _DHCP6, _HIGHEST = (67, 68), (546, 547), 547
_NEITHER = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what a card says that has no address yet
_SECOND = 1_000_000_000


class Frame(NamedTuple):
    """A frame as it came: time in nanoseconds, link type, bytes on the wire, the captured ones."""

    at: int
    link: int
    wire: int
    data: bytes


class Claims:
    """The last frames of addresses, and the ring that they go to."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._frames: OrderedDict[str, OrderedDict[str, list[Frame]]] = OrderedDict()
        self._following: Recent[str, tuple[Claim, int]] = Recent(FOLLOWED)
        self._pace = Pace()
        self.held = 0
        """Bytes of the frames that are held."""

    def __len__(self) -> int:
        return len(self._frames)

    def take(self, headers: Headers, row: int, logs: Iterable[Log]) -> None:
        """Hold the frame in a row for every address that it binds, as its logs tell."""
        bound = [one for log in logs for one in _bound(log)]
        if bound:
            frame = _frame(headers.batch, row)
            for ip, who in bound:
                self._add(ip, who, frame)

    def look(self, headers: Headers) -> None:
        """Hold the messages of DHCP in a batch."""
        transport = headers.transport
        low = (transport.source <= _HIGHEST) & (transport.target <= _HIGHEST) & (transport.captured > 0)
        rows = np.flatnonzero(low & headers.flowing & (headers.network.proto == UDP))
        for ports in (_DHCP, _DHCP6):
            both = np.isin(transport.source[rows], ports) & np.isin(transport.target[rows], ports)
            for row in rows[both].tolist():
                if not self._pace.may(int(headers.batch.at[row]) // _SECOND, MAX_A_SECOND):
                    return
                with contextlib.suppress(*FAULTS):
                    self.take(headers, row, _messages(headers, row))

    def notice(self, claim: Claim) -> None:
        """Bring what is held of an address to the ring, and what is claimed of it next."""
        frames = {frame for held in self._frames.get(claim.address, {}).values() for frame in held}
        fresh = sorted(frame for frame in frames if abs(claim.at - frame.at // 1000) <= OLDEST)
        self._following[claim.address] = claim, FOLLOWS
        if fresh:
            self._slices.add(claim.run(), _batch(fresh))

    def _add(self, ip: str, who: str, frame: Frame) -> None:
        cards = self._frames.setdefault(ip, OrderedDict())
        self._frames.move_to_end(ip)
        held = cards.setdefault(who, [])
        cards.move_to_end(who)
        held.append(frame)
        self.held += len(frame.data)
        if len(held) > FRAMES:
            self._forget([held.pop(0)])
        if len(cards) > CARDS:
            self._forget(cards.popitem(last=False)[1])
        while len(self._frames) > MOST or self.held > HELD:
            for gone in self._frames.popitem(last=False)[1].values():
                self._forget(gone)
        self._follow(ip, frame)

    def _forget(self, frames: Iterable[Frame]) -> None:
        self.held -= sum(len(frame.data) for frame in frames)

    def _follow(self, ip: str, frame: Frame) -> None:
        """Bring a frame to the ring whose address was noticed a moment ago."""
        following = self._following.get(ip)
        if following is None:
            return
        claim, left = following
        if not left or abs(frame.at // 1000 - claim.at) > FOLLOW_TIME:
            self._following.pop(ip)
            return
        self._following[ip] = claim, left - 1
        self._slices.add(claim.run(), _batch([frame]))


def _bound(log: Log) -> list[tuple[str, str]]:
    """Return the addresses that a log's message binds, each with the card, or the kind of message, that does so."""
    fields = log.fields
    if log.path == "arp":
        found = [(fields["src_ip"], fields["src_mac"])]
    elif log.path == "nd" and fields["op"] == "neighbour_advertisement":
        found = [(fields["target"], fields.get("link_mac", fields["src_mac"]))]
    elif log.path == "nd" and fields["op"] == "router_advertisement":
        found = [(fields["src_ip"], fields["src_mac"])]
    elif log.path in {"dhcp", "dhcpv6"}:
        kind = ",".join(texts(fields["msg_types"]))
        found = [(fields.get(name, ""), kind) for name in ("server_addr", "assigned_addr")]
    else:
        found = []
    return [(str(ip), str(who)) for ip, who in found if ip not in _NEITHER]


def _messages(headers: Headers, row: int) -> Iterable[Log]:
    """Read a message of DHCP again, for the addresses in it; raises what parsers raise."""
    transport, network = headers.transport, headers.network
    net, start = int(headers.links.net[row]), int(transport.payload[row])
    payload = headers.words.data[start : start + int(transport.captured[row])].tobytes()
    size, place = (16, net + 8) if network.version[row] == 6 else (4, net + 12)
    ends = headers.words.data[place : place + 2 * size].tobytes()
    flow = Flow(
        address(ends[:size]), int(transport.source[row]), address(ends[size:]), int(transport.target[row]), "udp"
    )
    protocol = dhcp.PROTOCOL if flow.resp_p in _DHCP else dhcpv6.PROTOCOL
    return protocol.open(flow).feed(Side.ORIG, int(headers.batch.at[row]) // 1000, payload)


def _frame(batch: Batch, row: int) -> Frame:
    start, size = int(batch.start[row]), min(int(batch.caplen[row]), LONGEST)
    data = batch.data[start : start + size].tobytes()
    return Frame(int(batch.at[row]), int(batch.link[row]), int(batch.wire[row]), data)


def _batch(frames: list[Frame]) -> Batch:
    def column(values: Iterable[int]) -> Ints:
        return np.array(list(values), np.int64)

    caplen = column(len(frame.data) for frame in frames)
    data = np.frombuffer(b"".join(frame.data for frame in frames) + bytes(PAD), np.uint8)
    wire, at = column(frame.wire for frame in frames), column(frame.at for frame in frames)
    link, vlan = column(frame.link for frame in frames), column(NO_VLAN for _ in frames)
    return Batch(data, np.cumsum(caplen) - caplen, caplen, wire, at, link, vlan)
