"""All headers of a batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from collector.arrays import Flags, Hashes, Ints, Words
from collector.capture.batch import Batch
from collector.headers.link import Links, read_links
from collector.headers.network import Network, read_network
from collector.headers.transport import Transport, flow_keys, read_transport
from collector.headers.tunnels import unwrap


@dataclass(frozen=True, slots=True)
class Headers:
    """What the headers of a batch say, a row a frame.

    `inside` marks what came out of a tunnel; `flowing` what belongs to a flow; its `key` is that of both directions,
    and `side` tells them apart.
    """

    batch: Batch
    words: Words
    links: Links
    network: Network
    transport: Transport
    inside: Flags
    flowing: Flags
    key: Hashes
    side: Ints


def parse(batch: Batch) -> Headers:
    """Return the headers of a batch; whatever the bytes are, no row costs another."""
    words = Words(batch.data)
    links = read_links(batch, words)
    captured, wire = batch.start + batch.caplen, batch.start + batch.wire
    links.kind = np.where(links.net <= captured, links.kind, 0)
    network = read_network(words, links.kind, links.net, captured, wire)
    inside = unwrap(words, links, network, captured, wire)
    transport = read_transport(words, network, captured)
    key, side = flow_keys(words, network, links.net, transport)
    return Headers(batch, words, links, network, transport, inside, transport.whole, key, side)


def replaced(headers: Headers, rows: Ints, frames: Batch) -> Headers:
    """Return the headers of a batch with other frames in some of its rows, which keep their times and VLANs.

    `headers` are not to be used any more.
    """
    batch = headers.batch.replaced(rows, frames)
    own = parse(batch.at_rows(rows))
    for mine, other, names in (
        (headers.links, own.links, ("kind", "net", "mac")),
        (headers.network, own.network, Network.__slots__),
        (headers.transport, own.transport, Transport.__slots__),
        (headers, own, ("key", "side")),
    ):
        for name in names:
            getattr(mine, name)[rows] = getattr(other, name)
    headers.inside[rows] |= own.inside
    return replace(headers, batch=batch, words=Words(batch.data))
