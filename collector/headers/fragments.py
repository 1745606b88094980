"""Pieces of IP packets put together again, outside the way of the others, and bounded in every direction."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from struct import pack
from typing import NamedTuple

import numpy as np

from collector.arrays import Ints
from collector.capture.batch import Batch, Link, batch_of
from collector.headers.link import IPV4, IPV6, NO_MAC
from collector.headers.parse import Headers

MAX_PACKETS = 512
"""Packets that wait for their pieces; the oldest goes."""
MAX_PIECES = 128
"""Pieces of one packet."""
MAX_LENGTH = 65_535
PATIENCE = 30_000_000_000
"""Nanoseconds between a packet's first piece and its last."""
_MORE = 1
_NO_ADDRESSES = bytes(12)


@dataclass(slots=True)
class _Pieces:
    since: int
    parts: list[tuple[int, bytes]] = field(default_factory=list)
    """Where in the packet each piece begins and its bytes, in the order in which they came."""
    length: int = -1
    head: bytes = b""
    odd: bool = False
    """Whether pieces that overlap were told."""


class Whole(NamedTuple):
    """Packets that are whole now, and in which rows of the batch their last pieces stood."""

    rows: Ints
    frames: Batch


class Fragments:
    """Collects pieces and gives whole packets back, as frames that look as if they had come in one.

    Where pieces overlap, the one that came first is believed; `overlapping`, `given_up` and `taken` count. `odd`
    has, of the pieces that were added last, the rows of the first ones of packets that overlap, and Zeek's name of it.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[bytes, int], _Pieces] = OrderedDict()
        self.taken = self.given_up = self.overlapping = 0
        self.odd: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, headers: Headers, rows: list[int]) -> Whole | None:
        """Take the fragments in these rows; return the packets that are whole now, None where there are none."""
        frames, last = [], []
        self.odd = []
        for row in rows:
            self.taken += 1
            whole = self._piece(headers, row)
            if whole is not None:
                frames.append(whole)
                last.append(row)
        if not frames:
            return None
        return Whole(np.array(last, np.int64), batch_of(frames, headers.batch.at[last].tolist(), Link.ETHERNET))

    def _piece(self, headers: Headers, row: int) -> bytes | None:
        batch, network = headers.batch, headers.network
        at = int(batch.at[row])
        start = int(headers.links.net[row])
        end = min(int(network.end[row]), int(batch.start[row] + batch.caplen[row]))
        packet = batch.data[start:end].tobytes()
        if network.version[row] == 4:
            key, place, more, head, body = _four(packet)
        else:
            extension, pointer = int(network.extension[row]) - start, int(network.pointer[row]) - start
            if len(packet) < extension + 8:
                return None
            key, place, more, head, body = _six(packet, extension, pointer)
        pieces = self._pieces(key, at)
        fits = place + len(body) <= MAX_LENGTH and len(pieces.parts) < MAX_PIECES
        if not fits or (more and len(body) % 8) or network.end[row] > batch.start[row] + batch.caplen[row]:
            self._forget(key)
            return None
        if (place, body) in pieces.parts:
            return None
        if not pieces.odd and (name := _overlap(pieces.parts, place, body)):
            pieces.odd = True
            self.odd.append((row, name))
        pieces.parts.append((place, body))
        if place == 0 and not pieces.head:
            mac = int(headers.links.mac[row])
            pieces.head = (_NO_ADDRESSES if mac == NO_MAC else batch.data[mac : mac + 12].tobytes()) + head
        if not more and pieces.length < 0:
            pieces.length = place + len(body)
        return self._whole(key, pieces)

    def _pieces(self, key: tuple[bytes, int], at: int) -> _Pieces:
        found = self._waiting.get(key)
        if found is not None and abs(at - found.since) > PATIENCE:
            self._forget(key)
            found = None
        if found is None:
            if len(self._waiting) >= MAX_PACKETS:
                self._forget(next(iter(self._waiting)))
            found = self._waiting[key] = _Pieces(at)
        return found

    def _forget(self, key: tuple[bytes, int]) -> None:
        del self._waiting[key]
        self.given_up += 1

    def _whole(self, key: tuple[bytes, int], pieces: _Pieces) -> bytes | None:
        if pieces.length < 0 or not pieces.head or sum(len(part) for _, part in pieces.parts) < pieces.length:
            return None
        reached = overlapping = 0
        for place, part in sorted(pieces.parts):
            if place > reached:
                return None  # a hole, which an overlap made up for in the sum
            overlapping += place < reached
            reached = max(reached, place + len(part))
        self.overlapping += overlapping
        body = bytearray(reached)
        for place, part in reversed(pieces.parts):  # the one that came first has the last word
            body[place : place + len(part)] = part
        del self._waiting[key]
        return _frame(pieces.head, bytes(body[: pieces.length]))


def _overlap(parts: list[tuple[int, bytes]], place: int, body: bytes) -> str:
    """Return Zeek's name of what a piece does that covers others: whether it has the same bytes; empty for none."""
    name = ""
    for at, part in parts:
        first, end = max(at, place), min(at + len(part), place + len(body))
        if first < end:
            if part[first - at : end - at] != body[first - place : end - place]:
                return "fragment_inconsistency"
            name = "fragment_overlap"
    return name


def _four(packet: bytes) -> tuple[tuple[bytes, int], int, bool, bytes, bytes]:
    size = (packet[0] & 15) * 4
    word = int.from_bytes(packet[6:8], "big")
    key = packet[12:20] + packet[4:6], packet[9]
    return key, (word & 0x1FFF) * 8, bool(word & 0x2000), pack(">H", IPV4) + packet[:size], packet[size:]


def _six(packet: bytes, extension: int, pointer: int) -> tuple[tuple[bytes, int], int, bool, bytes, bytes]:
    word = int.from_bytes(packet[extension + 2 : extension + 4], "big")
    key = packet[8:40] + packet[extension + 4 : extension + 8], 6
    head = bytearray(packet[:extension])
    head[pointer] = packet[extension]
    return key, word & 0xFFF8, bool(word & _MORE), pack(">H", IPV6) + bytes(head), packet[extension + 8 :]


def _frame(head: bytes, body: bytes) -> bytes:
    """Return the Ethernet frame of a whole packet: lengths put right, the marks of a fragment gone."""
    packet = bytearray(head[14:])
    if packet[0] >> 4 == 4:
        packet[2:4] = pack(">H", min(len(packet) + len(body), MAX_LENGTH))
        packet[6:8] = b"\0\0"
    else:
        packet[4:6] = pack(">H", min(len(packet) - 40 + len(body), MAX_LENGTH))
    return head[:14] + bytes(packet) + body
