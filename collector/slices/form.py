"""The ring's files: pcapng with one interface a link type, and beside each an index of the runs in it.

A run is the packets of one flow that came with one batch, one block after the other; its row of the index says whose
they are by what the flow's uid follows from, so that no uid is computed before somebody asks for one.
Source of the blocks: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import pack

import numpy as np
from numpy.typing import NDArray

from collector.arrays import Ints
from collector.capture.batch import Batch, Link
from collector.flows.record import uid_of

LINKS: Ints = np.array(sorted(Link), np.int64)
"""Link types by the number of their interface in a file of the ring."""
RUN = np.dtype(
    [
        ("first", "<i8"),
        ("addresses", "u1", (32,)),
        ("ports", "<u2", (2,)),
        ("proto", "u1"),
        ("version", "u1"),
        ("spare", "<u2"),
        ("last", "<i8"),
        ("offset", "<u4"),
        ("length", "<u4"),
    ]
)
"""A row of an index: flow (time of its first packet in ns, addresses and ports of both ends, protocol, version of IP),
time of the run's last packet, the run's place in the file."""
Runs = NDArray[np.void]
"""Rows of an index."""
IDENTITY = 48
"""Bytes at the beginning of a row that say which flow it is."""
PACKET, FRAMING = 6, 32
"""Type of a packet's block, and its bytes beside the packet."""
_NANOSECONDS = pack("<HHB3xHH", 9, 1, 9, 0, 0)
_SECTION = pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def beginning(links: Iterable[int]) -> bytes:
    """Return how a file begins that has interfaces of these link types; times are nanoseconds."""
    length = 20 + len(_NANOSECONDS)
    described = (pack("<IIHHI", 1, length, link, 0, 0) + _NANOSECONDS + pack("<I", length) for link in links)
    return _SECTION + b"".join(described)


HEADER = beginning(LINKS.tolist())


def uid_from(first: int, proto: int, version: int, addresses: bytes, ports: Sequence[int]) -> str:
    """Return the uid of a flow as the columns of the flow table, or a row of an index, tell it."""
    size = 16 if version == 6 else 4
    return uid_of(first, proto, (addresses[:size], ports[0]), (addresses[16 : 16 + size], ports[1]))


def named(rows: Runs, size: int) -> bytes:
    """Return what the uids of these rows follow from, one after the other; addresses of `size` bytes."""
    found = np.zeros(len(rows), [("first", ">i8"), ("proto", "u1"), ("ports", ">u2", 2), ("ends", "u1", (2, size))])
    for name in ("first", "proto", "ports"):
        found[name] = rows[name]
    found["ends"] = rows["addresses"].reshape(len(rows), 2, 16)[:, :, :size]
    return found.tobytes()


def packets(batch: Batch, rows: Ints) -> tuple[bytes, Ints]:
    """Return frames of a batch as blocks, one after the other, and the length of each."""
    caplen, at, count = batch.caplen[rows], batch.at[rows], len(rows)
    padding = -caplen % 4
    lengths = caplen + padding + FRAMING
    # What stands between two frames: padding and length of the one, then the head of the other.
    between = np.zeros((count + 1, 9), "<u4")
    between[1:, 1] = lengths
    between[:-1, 2], between[:-1, 3] = PACKET, lengths
    between[:-1, 4] = np.minimum(np.searchsorted(LINKS, batch.link[rows]), len(LINKS) - 1)
    between[:-1, 5], between[:-1, 6] = at >> 32, at & 0xFFFFFFFF
    between[:-1, 7], between[:-1, 8] = caplen, batch.wire[rows]
    begins = np.arange(0, 36 * count + 1, 36)
    ends = begins + 36
    begins[0] += 8
    begins[1:] += 4 - padding
    ends[-1] -= 28
    parts: list[bytes | memoryview] = [b""] * (2 * count + 1)
    parts[::2] = _cuts(between.tobytes(), begins, ends)
    parts[1::2] = _cuts(batch.data.data, batch.start[rows], batch.start[rows] + caplen)
    return b"".join(parts), lengths


def _cuts(data: bytes | memoryview, begins: Ints, ends: Ints) -> list[bytes | memoryview]:
    return [data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
