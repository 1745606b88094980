"""Where lines of other sensors come from: files that are rotated, and unix sockets that Suricata writes to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agent.wire.sending.tail import LONGEST, Tail, decode_mark

MAX_PEERS = 8
"""Writers that are connected at once; more have to wait."""
_TAKEN = 1000
_ROOM = 1 << 16


class Line(NamedTuple):
    """One line, and where the next begins in its file (-1 where nothing can be read again)."""

    data: bytes
    end: int


class FileLines:
    """Follows one file from where the bookmark says, the first time from its end."""

    def __init__(self, path: Path, bookmark: str | None) -> None:
        self._tail = Tail(path, decode_mark(bookmark) if bookmark else None, longest=LONGEST)

    def read(self) -> list[Line]:
        """Return the next lines; raises OSError."""
        return [Line(line.data, line.end) for line in self._tail.read(_TAKEN)]

    def losses(self) -> list[str]:
        """Return the causes of what was lost since the last asking."""
        return self._tail.losses()

    def bookmark(self, end: int) -> str:
        """Return the bookmark of having read up to there."""
        return self._tail.mark(end).encode()

    @property
    def position(self) -> int:
        """Where the next read begins."""
        return self._tail.position

    def close(self) -> None:
        """Close the file."""
        self._tail.close()


class SocketLines:
    """A unix socket that a sensor writes its lines to: a stream of them, or one a datagram."""

    def __init__(self, path: Path, *, datagrams: bool) -> None:
        """Make the socket; one that is left over is replaced. Raises OSError."""
        if path.is_socket():
            path.unlink()
        self._path, self._datagrams = path, datagrams
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
        self._listening.setblocking(False)
        self._listening.bind(str(path))
        path.chmod(0o660)
        if not datagrams:
            self._listening.listen(MAX_PEERS)
        self._peers: dict[socket.socket, bytes] = {}

    def losses(self) -> list[str]:
        """Nothing is lost that was received."""
        return []

    def sockets(self) -> list[socket.socket]:
        """Return the sockets that may have something."""
        return [self._listening, *self._peers]

    def read(self) -> list[Line]:
        """Return the lines that are there."""
        return [Line(data, -1) for data in (self._messages() if self._datagrams else self._streamed())]

    def _messages(self) -> Iterator[bytes]:
        with suppress(BlockingIOError):
            for _ in range(_TAKEN):
                yield self._listening.recv(LONGEST).rstrip(b"\n")

    def _streamed(self) -> Iterator[bytes]:
        with suppress(BlockingIOError):
            while len(self._peers) < MAX_PEERS:
                peer, _ = self._listening.accept()
                peer.setblocking(False)
                self._peers[peer] = b""
        for peer in list(self._peers):
            yield from self._of_peer(peer)

    def _of_peer(self, peer: socket.socket) -> list[bytes]:
        try:
            data = peer.recv(_ROOM)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            del self._peers[peer]
            peer.close()
            return []
        *lines, rest = (self._peers[peer] + data).split(b"\n")
        # A line without an end is given as far as it may go, and is none of JSON.
        self._peers[peer] = rest if len(rest) <= LONGEST else b""
        return lines if len(rest) <= LONGEST else [*lines, rest]

    def close(self) -> None:
        """Close and remove the socket."""
        for one in self.sockets():
            one.close()
        self._peers.clear()
        self._path.unlink(missing_ok=True)
