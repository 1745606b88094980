"""What belongs to no flow: ARP, the neighbour discovery of IPv6, and pieces of packets that overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from collector.flows.record import address
from collector.headers.link import ARP, NO_MAC
from collector.headers.parse import Headers
from collector.headers.transport import ICMP6
from collector.heads.head import FAULTS, Entry, weird
from collector.pace import Pace
from collector.protocols import arp, neighbour
from collector.protocols.model import Flow, Log
from collector.slices.claims import Claims

MAX_A_SECOND = 2000
"""Packets of these kinds that are read in a second; a storm is counted, not read."""
MAX_ODD = 50
"""Packets of overlapping pieces that are told in a second; all are counted."""
_LONGEST = 1500
_SECOND = 1_000_000_000


class LinkLayer:
    """Reads these packets, as many in a second as are worth it."""

    def __init__(self, claims: Claims | None = None) -> None:
        """`claims` holds the frames that bind addresses to cards."""
        self._claims = claims
        self._pace, self._odd = Pace(), Pace()
        self.left_out = 0
        self.weird: Counter[str] = Counter()

    def read(self, headers: Headers) -> Iterator[Entry]:
        """Yield the logs of the batch."""
        kind = headers.transport.source
        discovery = headers.flowing & (headers.network.proto == ICMP6) & (kind >= 133) & (kind <= 137)
        found = headers.links.kind == ARP
        for row in np.flatnonzero(found | discovery).tolist():
            if not self._pace.may(int(headers.batch.at[row]) // _SECOND, MAX_A_SECOND):
                self.left_out += 1
                continue
            name, logs = ("arp", _arp) if found[row] else ("nd", _neighbour)
            at = int(headers.batch.at[row]) // 1000
            try:
                told = logs(headers, row, at)
                if self._claims is not None:
                    self._claims.take(headers, row, told)
                for log in told:
                    yield Entry(log, "", None)
            except FAULTS as error:
                log = weird(error, name, at)
                self.weird[str(log.fields["name"])] += 1
                yield Entry(log, "", None)

    def overlaps(self, headers: Headers, odd: Iterable[tuple[int, str]]) -> Iterator[Entry]:
        """Yield the logs of pieces of packets that overlap: the rows and the names of what they do."""
        for row, name in odd:
            self.weird[name] += 1
            if self._odd.may(int(headers.batch.at[row]) // _SECOND, MAX_ODD):
                source, target = _ends(headers, row)
                flow = Flow(source, 0, target, 0, "unknown_transport")
                yield Entry(Log("weird", int(headers.batch.at[row]) // 1000, {"name": name, "source": "ip"}), "", flow)


def _ends(headers: Headers, row: int) -> tuple[str, str]:
    net, data = int(headers.links.net[row]), headers.words.data
    size, place = (16, net + 8) if headers.network.version[row] == 6 else (4, net + 12)
    return address(data[place : place + size].tobytes()), address(data[place + size : place + 2 * size].tobytes())


def _arp(headers: Headers, row: int, at: int) -> Iterable[Log]:
    return arp.read(at, _bytes(headers, int(headers.links.net[row]), row))


def _neighbour(headers: Headers, row: int, at: int) -> Iterable[Log]:
    data, net, mac = headers.words.data, int(headers.links.net[row]), int(headers.links.mac[row])
    source, target = (data[place : place + 16].tobytes() for place in (net + 8, net + 24))
    card = bytes(6) if mac == NO_MAC else data[mac + 6 : mac + 12].tobytes()
    packet = _bytes(headers, int(headers.network.transport[row]), row)
    return neighbour.read(at, address(source), address(target), card, packet)


def _bytes(headers: Headers, start: int, row: int) -> bytes:
    end = int(headers.batch.start[row] + headers.batch.caplen[row])
    return headers.words.data[start : min(end, start + _LONGEST)].tobytes()
