"""TLS behind the few messages of another protocol, of which nothing else is read: databases, proxies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from collector.protocols import tls
from collector.protocols.model import Conversation, Flow, Log, Side

MOST = 4096
"""Bytes of a side that wait for the rest of their message."""


class Behind(ABC):
    """Reads messages one by one until what they carry begins, and goes on where that is TLS.

    It may begin in the same segment: a client of MySQL waits for no answer.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._held = [b"", b""]
        self._begun = False
        self._over = False
        self._tls: Conversation | None = None

    @property
    def done(self) -> bool:
        """Whether there is nothing more to read."""
        return self._over or (self._tls is not None and self._tls.done)

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        if self._begun:
            return self._carried(side, at, data)
        logs: list[Log] = []
        held = self._held[side] + data
        while held and not (self._begun or self._over) and (size := self._message(side, at, held, logs)):
            held = held[size:]
        self._held[side] = held
        if self._begun:
            for who in Side:
                if self._held[who] and not self.done:
                    logs += self._carried(who, at, self._held[who])
        self._over = self._over or (not self._begun and len(held) > MOST)
        return logs

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Without a message nobody knows where what is carried begins."""
        if self._tls:
            return self._tls.lost(side, at)
        self._over = True
        return self._ended(at)

    def close(self, at: int) -> Iterable[Log]:
        """Tell what is still to be told."""
        return self._tls.close(at) if self._tls else self._ended(at)

    def _carried(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        if self._tls is None:
            if not tls.recognises(side, data):
                self._over = True
                return ()
            self._tls = tls.PROTOCOL.open(self._flow)
        return self._tls.feed(side, at, data)

    def _ended(self, _at: int) -> Iterable[Log]:
        """Tell what was begun and will not be answered."""
        return ()

    @abstractmethod
    def _message(self, side: Side, at: int, data: bytes, logs: list[Log]) -> int:
        """Read the message that a side's bytes begin with; return its length, 0 when it is not whole.

        Sets `_begun` when what is carried comes next, `_over` when nothing of interest does. Raises Malformed.
        """
