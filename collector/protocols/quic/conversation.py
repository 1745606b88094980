"""The beginning of one QUIC connection: its TLS handshake as far as anybody on the way may read it."""

from __future__ import annotations

from collections.abc import Iterable
from struct import error

from collector.protocols.model import Flow, Log, Malformed, Side
from collector.protocols.quic.initial import VERSIONS, Keys, Packet, crypto, opened, packets
from collector.protocols.tls.handshake import MAX_BROKEN, Handshake
from collector.protocols.tls.hello import PRE_SHARED_KEY
from collector.protocols.tls.pieces import Pieces
from collector.protocols.tls.report import report

MAX_DATAGRAMS = 48
"""Datagrams of a flow that are looked at; broken ones have a bound of their own."""


class QuicConversation:
    """Opens the Initial packets of both sides; everything after them is the two sides' own."""

    def __init__(self, flow: Flow) -> None:
        self.done = False
        self._handshake = Handshake()
        self._streams = (Pieces(), Pieces())
        self._keys: Keys | None = None
        self._client = Side.ORIG
        self._version = 0
        self._seen = self._broken = 0
        self._established = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram. A broken one costs itself: anybody may have sent it."""
        facts = self._handshake.facts
        if data and not data[0] & 0x80:
            # A packet of the application: a client sends its first when the handshake has told it all it wants.
            self._established = facts.server is not None and side == self._client
        else:
            try:
                for packet in packets(data):
                    frames, keys = self._open(side, packet, data)
                    for offset, piece in crypto(frames or b""):
                        self._handshake.take(side, at, self._streams[side].take(offset, piece))
                    if keys is not None:
                        self._keys, self._client, self._version = keys, side, self._version or packet.version
            except (Malformed, IndexError, error) as fault:
                self._broken += 1
                if self._broken < MAX_BROKEN:
                    raise
                return [*self._finish(), Log("weird", at, {"name": getattr(fault, "name", "quic_truncated")})]
        self._seen += 1
        return self._finish() if self._established or self._seen >= MAX_DATAGRAMS else ()

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Datagrams stand for themselves."""
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a connection that was not seen to stand."""
        return () if self.done else self._finish()

    def _open(self, side: Side, packet: Packet, datagram: bytes) -> tuple[bytes | None, Keys | None]:
        """Return the frames of a packet, None when it is not opened, and the keys where they are new ones."""
        if self._keys:
            key = self._keys.side(0 if side == self._client else 1)
            if (frames := opened(key, packet, datagram)) is not None or side != self._client:
                return frames, None
        # The first packet, or the first after a Retry, whose connection id is a new one (RFC 9001, 5.2).
        made = Keys(packet.version, packet.target)
        frames = opened(made.side(0), packet, datagram)
        return frames, None if frames is None else made

    def _finish(self) -> list[Log]:
        self.done = True
        facts = self._handshake.facts
        resumed = facts.server is not None and PRE_SHARED_KEY in facts.server.extensions
        logs = report(facts, established=self._established, resumed=resumed, alert=None, transport="q")
        if not logs:
            return []
        ssl, *others = logs
        version = {"quic_version": VERSIONS[self._version][0]} if self._version else {}
        return [Log(ssl.path, ssl.at, {**ssl.fields, **version}), *others]
