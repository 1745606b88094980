"""The ring that the kernel fills with the frames of a network card (packet(7), Linux packet_mmap: TPACKET_V3).

The process needs CAP_NET_RAW and nothing else.
"""

from __future__ import annotations

import mmap
import socket
from collections.abc import Iterator
from pathlib import Path
from struct import Struct, pack
from typing import NamedTuple

import numpy as np

from collector.capture.batch import NO_VLAN, Batch, Link, filled
from collector.capture.bpf import attach, compiled
from collector.capture.form import words
from collector.capture.leaveout import Rule

BLOCK = 4 << 20
"""Bytes of one block; the kernel hands over a block at a time. What a batch costs whatever is in it is a fifth of a
packet's time in blocks of 1 MiB.
"""
RETIRE_MS = 200
"""Milliseconds after which a block is handed over that is not full; so many times 16 the sensor may be held up."""
_FRAME = 2048
_SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _FANOUT, _IGNORE_OUTGOING = 1, 5, 6, 10, 18, 23
_PROMISCUOUS, _V3, _ALL = 1, 2, 3
_FANOUT_HASH, _FANOUT_DEFRAGMENT = 0, 0x8000
_BLOCK_STATUS, _USER, _KERNEL = 8, 1, b"\0\0\0\0"
_DESCRIPTION = Struct("=III")
_NEXT = Struct("=I")
_VLAN_VALID = 1 << 4
_HARDWARE = {1: Link.ETHERNET, 772: Link.ETHERNET, 65534: Link.RAW, 512: Link.RAW, 778: Link.RAW}
"""Link types of what if_arp.h numbers: Ethernet, loopback, tunnels without a header, PPP, GRE."""
_LOOPBACK = 772
_BILLION = 1_000_000_000


class Statistics(NamedTuple):
    """What the kernel counted: frames that passed, and those that found no room in the ring."""

    frames: int
    drops: int


class Ring:
    """One card's ring. Each batch lives in the ring itself: it is given back when the next one is asked for."""

    def __init__(
        self, interface: str, size: int = 64 << 20, *, group: int | None = None, rules: tuple[Rule, ...] = ()
    ) -> None:
        """Begin to listen. Rings of one fanout `group` share the card's frames, whole flows to each.

        What the `rules` fit the kernel leaves out; it counts nowhere. Raises OSError when the card is not there or the
        right to listen is missing.
        """
        self.interface = interface
        self._blocks = max(2, size // BLOCK)
        self._next = 0
        self._frames = self._drops = 0
        kind = int(Path(f"/sys/class/net/{interface}/type").read_text("ascii"))
        self._link = _HARDWARE.get(kind, Link.ETHERNET)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            if rules:
                attach(self._socket, compiled(rules, self._link))
            self._listen(group, loopback=kind == _LOOPBACK)
            self._ring = mmap.mmap(self._socket.fileno(), self._blocks * BLOCK, mmap.MAP_SHARED)
        except OSError:
            self._socket.close()
            raise
        self._data = np.frombuffer(self._ring, np.uint8)
        self._word, self._half = words(self._data, "="), words(self._data, "=", 2)

    def _listen(self, group: int | None, *, loopback: bool) -> None:
        index = socket.if_nametoindex(self.interface)
        set_option = self._socket.setsockopt
        set_option(_SOL_PACKET, _VERSION, _V3)
        frames = self._blocks * BLOCK // _FRAME
        set_option(_SOL_PACKET, _RX_RING, pack("=7I", BLOCK, self._blocks, _FRAME, frames, RETIRE_MS, 0, 0))
        if loopback:  # each frame passes there twice
            set_option(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        self._socket.bind((self.interface, _ALL))
        set_option(_SOL_PACKET, _ADD_MEMBERSHIP, pack("=iHH8s", index, _PROMISCUOUS, 0, b""))
        if group is not None:
            set_option(_SOL_PACKET, _FANOUT, pack("=I", group | (_FANOUT_HASH | _FANOUT_DEFRAGMENT) << 16))

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a block is ready."""
        return self._socket.fileno()

    def batches(self, most: int) -> Iterator[Batch]:
        """Yield the blocks that are ready, at most so many."""
        for _ in range(min(most, self._blocks)):
            base = self._next * BLOCK
            status, frames, first = _DESCRIPTION.unpack_from(self._ring, base + _BLOCK_STATUS)
            if not status & _USER:
                return
            try:
                if frames:
                    yield self._batch(base + first, frames)
            finally:
                self._ring[base + _BLOCK_STATUS : base + _BLOCK_STATUS + 4] = _KERNEL
                self._next = (self._next + 1) % self._blocks

    def _batch(self, at: int, frames: int) -> Batch:
        places = []
        following = _NEXT.unpack_from
        for _ in range(frames):
            places.append(at)
            at += following(self._ring, at)[0]
        head = np.array(places, np.int64)
        word, half = self._word, self._half
        seconds, nanos, caplen, wire, status = (word[head + place].astype(np.int64) for place in (4, 8, 12, 16, 20))
        start = head + half[head + 24]
        # What the last frame of the ring lacks of PAD is read from its end instead: see Words.
        caplen = np.minimum(caplen, len(self._data) - start)
        tagged = (status & _VLAN_VALID) != 0
        vlan = np.where(tagged, word[head + 32].astype(np.int64) & 0xFFF, NO_VLAN)
        return Batch(self._data, start, caplen, wire, seconds * _BILLION + nanos, filled(head, self._link), vlan)

    def statistics(self) -> Statistics:
        """Return the counts since the start; the kernel forgets its own with each question."""
        passed, dropped, _ = Struct("=III").unpack(self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        self._frames += passed
        self._drops += dropped
        return Statistics(self._frames - self._drops, self._drops)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        del self._data, self._word, self._half
        try:
            self._ring.close()
        except BufferError:  # a batch is still held somewhere; the memory goes with it
            return
