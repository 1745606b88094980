"""What is being read of one flow: its parser, its two sides, and how much of each is still wanted."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from collector.heads.stream import Stream
from collector.protocols.model import Conversation, Flow, Log, Malformed, Protocol, Side

HEAD = 64 << 10
"""Bytes of a side that are read from its beginning; of protocols that resume, SHORT_HEAD."""
SHORT_HEAD = 16 << 10
RESUMED = 16 << 10
"""Bytes that are read from a packet on at which reading was taken up again."""
SKIP, READ, RESUME = 0, 1, 2
"""How much of a side is wanted: nothing, all that comes, only packets that the protocol resumes at."""
TRIES, DATAGRAMS, ENOUGH = 4, 16, 512
"""Payloads of a TCP flow, datagrams, and bytes of a TCP flow until somebody must have recognised it.

Both TRIES and ENOUGH must be reached: a request may come byte by byte.
"""
MOST_BAD = 100
"""Datagrams that break the rules after which a flow is read no more that had no other."""
_STUN_HEADER, _STUN_COOKIE = 20, b"\x21\x12\xa4\x42"
FAULTS = (IndexError, struct.error, UnicodeError, ValueError)
"""What a parser may raise on bytes that break its rules."""


class Entry(NamedTuple):
    """A log and the flow that it belongs to, if it belongs to one."""

    log: Log
    uid: str
    flow: Flow | None


class Head:
    """One flow's reading."""

    __slots__ = (
        "_budget", "_most", "bad", "changed", "contradicted", "conversation", "flow", "logged", "protocol",
        "slot", "streams", "uid", "waiting", "wanted",
    )  # fmt: skip

    def __init__(self, flow: Flow, uid: str, slot: int, begins: tuple[int, int]) -> None:
        """Take what the flow is, its slot, and at which sequence numbers its sides begin (-1: not known)."""
        self.flow, self.uid, self.slot = flow, uid, slot
        self.streams = (Stream(begins[0]), Stream(begins[1]))
        self.protocol: Protocol | None = None
        self.conversation: Conversation | None = None
        self.waiting: list[tuple[Side, bytes | None]] = []
        self.wanted = [READ, READ]
        self.logged = self.changed = self.contradicted = False
        self.bad = 0
        # `changed`: whether `wanted` is other than when it was last looked at; `bad`: datagrams that broke the rules.
        self._most = HEAD
        self._budget = [HEAD, HEAD]

    @property
    def held(self) -> int:
        """Bytes that wait for those before them."""
        return self.streams[0].held + self.streams[1].held

    @property
    def begun(self) -> int:
        """Bytes that wait for somebody to recognise the flow."""
        return sum(len(piece or b"") for _, piece in self.waiting)

    @property
    def hopeless(self) -> bool:
        """Whether so much was said that somebody should have recognised the flow."""
        tries = len(self.waiting)
        if self.flow.transport == "udp":
            return tries >= DATAGRAMS
        return tries >= TRIES and (tries >= ENOUGH or self.begun >= ENOUGH)

    @property
    def understood(self) -> bool:
        """Whether the parser has read anything that kept its protocol's rules."""
        return self.logged or any(left < self._most for left in self._budget)

    @property
    def lasts(self) -> bool:
        """Whether reading goes on after what broke the rules: a datagram costs itself, a stream is lost."""
        return self.flow.transport == "udp" and (self.bad < MOST_BAD or self.understood)

    def passes(self, side: int, data: bytes) -> bool:
        """Tell whether a packet is not read: of a side after its head only those are that the protocol resumes at."""
        wanted = self.wanted[side]
        if wanted == READ:
            return False
        protocol = self.protocol
        if wanted == SKIP or protocol is None or protocol.resumes is None:
            return True
        try:
            return not protocol.resumes(data)
        except FAULTS:
            return True

    def pieces(self, side: Side, seq: int, data: bytes, missing: int, *, wait: bool) -> list[bytes | None]:
        """Return what can be read now that a segment came, in order; None where bytes were lost.

        Packets that `passes` tells are not to be given.
        """
        stream = self.streams[side]
        if self.wanted[side] == RESUME:
            stream.skip_to(seq)
            self.wanted[side], self._budget[side] = READ, RESUMED
            self.changed = True
            return [None, *stream.take(seq, data, missing, wait=wait)]
        return stream.take(seq, data, missing, wait=wait)

    def tell(self, side: Side, at: int, pieces: Iterable[bytes | None], found: list[Entry]) -> None:
        """Give pieces to the parser and add what it tells; time in microseconds. Raises what parsers raise."""
        conversation = self.conversation
        assert conversation is not None
        for piece in pieces:
            if conversation.done:
                return
            if piece is None:
                self._add(conversation.lost(side, at), found)
                continue
            self._add(conversation.feed(side, at, piece), found)
            self._budget[side] -= len(piece)
            if self._budget[side] <= 0:
                self._spent(side)

    def _add(self, logs: Iterable[Log], found: list[Entry]) -> None:
        for log in logs:
            self.logged = True
            found.append(Entry(log, self.uid, self.flow))

    def read_by(self, protocol: Protocol) -> None:
        """Give the flow to the parser of this protocol."""
        self.protocol, self.conversation = protocol, protocol.open(self.flow)
        self._most = HEAD if protocol.resumes is None else SHORT_HEAD
        self._budget = [self._most] * 2

    def _spent(self, side: Side) -> None:
        """No more is wanted of a side than its protocol resumes at; datagrams are wanted until the parser is done."""
        if self.flow.transport == "tcp":
            assert self.protocol is not None
            self.wanted[side] = SKIP if self.protocol.resumes is None else RESUME
            self.changed = True

    def end(self, at: int, found: list[Entry]) -> None:
        """Let the parser end and add what it tells, if it has read anything. Raises what parsers raise."""
        conversation, self.conversation = self.conversation, None
        if conversation is not None and self.understood:
            self._add(conversation.close(at), found)

    def close(self, at: int, found: list[Entry]) -> None:
        """Give what still waits to the parser, let it end and add what it tells. Raises what parsers raise."""
        if self.conversation is None:
            return
        for side in Side:
            if self.wanted[side] == READ:
                self.tell(side, at, self.streams[side].flush(), found)
        self._add(self.conversation.close(at), found)


def opens_the_way(data: bytes) -> bool:
    """Tell a message of STUN (RFC 8489, 5): calls send them before, and among, what they carry (RFC 7983)."""
    return len(data) >= _STUN_HEADER and data[0] < 4 and data[4:8] == _STUN_COOKIE


def weird(error: Exception, protocol: str, at: int, unread: str = "message") -> Log:
    """Return the log of bytes that break a protocol's rules, and what is not read for it: a `message`, a `flow`."""
    name = error.name if isinstance(error, Malformed) else f"{protocol}_malformed"
    return Log("weird", at, {"name": name, "source": protocol, "unread": unread})


def told_at(count: int) -> bool:
    """Tell whether the so many-th of a flow's breaches is told: the first, the tenth, the hundredth …"""
    return str(count).strip("0") == "1"
