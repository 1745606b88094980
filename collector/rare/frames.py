"""Which frames of a batch are those of rare protocols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from collector.headers.link import NO_MAC
from collector.headers.parse import Headers
from collector.rare.form import CDP, LLDP

LONGEST = 1600
"""Bytes of a frame that are read."""
_ETHERTYPE, _SHORTEST_TYPE = 0x88CC, 0x600
LLC = bytes.fromhex("aaaa0300000c2000")
"""What Cisco's protocol begins with behind the length of an 802.3 frame."""


class Frame(NamedTuple):
    """A frame's content: its kind, its time in microseconds, whose it is, what stands behind the link's header."""

    kind: int
    at: int
    card: str
    data: bytes


def rare(headers: Headers) -> Iterator[Frame]:
    """Yield the frames of rare protocols."""
    links, data = headers.links, headers.words.data
    lldp = links.kind == _ETHERTYPE
    short = (links.kind > 0) & (links.kind < _SHORTEST_TYPE)
    for row in np.flatnonzero((lldp | short) & (links.mac != NO_MAC)).tolist():
        net, mac = int(links.net[row]), int(links.mac[row])
        end = min(int(headers.batch.start[row] + headers.batch.caplen[row]), net + LONGEST)
        content, kind = data[net:end].tobytes(), LLDP
        if not lldp[row]:
            if not content.startswith(LLC):
                continue
            content, kind = content[len(LLC) : int(links.kind[row])], CDP
        yield Frame(kind, int(headers.batch.at[row]) // 1000, data[mac + 6 : mac + 12].tobytes().hex(":"), content)
