"""The beginning of flows: who is the originator, addresses, cards and VLANs, from the first packet of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.arrays import Bytes, Flags, Ints
from collector.flows.columns import Columns
from collector.flows.history import FLIPPED
from collector.headers.link import NO_MAC
from collector.headers.parse import Headers
from collector.headers.transport import ACK, SYN, TCP, UDP


def begin(columns: Columns, slots: Ints, headers: Headers, first: Ints, servers: Flags) -> None:
    """Fill the slots of new flows from their first rows.

    Who sends first is the originator, unless it answers (SYN+ACK) or speaks from a server's port to another port.
    """
    network, transport, links = headers.network, headers.transport, headers.links
    proto, flags = network.proto[first], transport.flags[first]
    source, target = transport.source[first], transport.target[first]
    tcp = proto == TCP
    opens = tcp & ((flags & SYN) != 0)
    likely = (tcp | (proto == UDP)) & ~opens & servers[source & 0xFFFF] & ~servers[target & 0xFFFF]
    turned = (opens & ((flags & ACK) != 0)) | likely
    columns.proto[slots] = proto
    columns.version[slots] = network.version[first]
    columns.orig[slots] = headers.side[first] ^ turned
    columns.inside[slots] = headers.inside[first]
    columns.first[slots] = columns.last[slots] = headers.batch.at[first]
    columns.ports[slots] = _turned(np.stack([source, target], axis=1), turned)
    columns.vlans[slots] = np.stack([links.vlan[first], links.inner[first]], axis=1)
    data = headers.words.data
    columns.addresses[slots] = _turned(_addresses(headers, first), turned).reshape(len(slots), 32)
    mac = links.mac[first]
    macs = data[np.maximum(mac, 0)[:, None] + np.arange(12)].reshape(len(slots), 2, 6)
    macs[mac == NO_MAC] = 0
    columns.macs[slots] = _turned(macs[:, ::-1], turned).reshape(len(slots), 12)
    for place, back in zip(slots.tolist(), turned.tolist(), strict=True):
        columns.history[place] = FLIPPED if back else ""


def _addresses(headers: Headers, first: Ints) -> Bytes:
    """Return source and target, 16 bytes each, those of IPv4 in the first four."""
    data, net = headers.words.data, headers.links.net[first]
    found = np.zeros((len(first), 2, 16), np.uint8)
    for version, size, at in ((4, 4, 12), (6, 16, 8)):
        rows = np.flatnonzero(headers.network.version[first] == version)
        place = net[rows][:, None] + np.arange(at, at + 2 * size)
        found[rows, :, :size] = data[place].reshape(len(rows), 2, size)
    return found


def _turned(pairs: NDArray[Any], turned: Flags) -> NDArray[Any]:
    """Exchange the two of each pair where the flow runs the other way."""
    pairs = pairs.copy()
    pairs[turned] = pairs[turned][:, ::-1]
    return pairs
