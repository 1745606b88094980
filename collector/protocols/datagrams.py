"""The conversation of protocols that need no memory: each datagram tells its own logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from collector.protocols.model import Conversation, Flow, Log, Side

#: What reads one datagram: flow, side, time in microseconds, bytes.
Reader = Callable[[Flow, Side, int, bytes], Iterable[Log]]


class Datagrams:
    """Hands each datagram to a function."""

    done = False

    def __init__(self, read: Reader, flow: Flow) -> None:
        self._read, self._flow = read, flow

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Read one datagram."""
        return self._read(self._flow, side, at, data)

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """A lost datagram changes nothing."""
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()


def each(read: Reader) -> Callable[[Flow], Conversation]:
    """Return what opens a conversation whose datagrams are read one by one."""
    return lambda flow: Datagrams(read, flow)
