"""Answers that must come in time and within a size, head and body: a socket's timeout is for each read alone."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

LATE = "the answer took too long"
MOST = 128 * 1024
"""Bytes of one answer, with all heads before it."""


class Timely(http.client.HTTPResponse):
    """Reads an answer for as long as the socket's timeout says, a proxy's answer too; then raises TimeoutError.

    One of more than `MOST` bytes is an HTTPException.
    """

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_Timed(sock, self.fp.detach()))


class _Timed(io.RawIOBase):
    """A socket's bytes until a moment, and up to `MOST`."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._seconds = sock.gettimeout()
        self._until = None if self._seconds is None else time.monotonic() + self._seconds
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError(LATE)
            self._sock.settimeout(left)
        try:
            count = self._raw.readinto(buffer)
        except socket.timeout as error:
            raise TimeoutError(LATE) from error
        self._taken += count or 0
        if self._taken > MOST:
            raise http.client.HTTPException(f"the answer is longer than {MOST} bytes")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            if self._sock.fileno() >= 0:
                self._sock.settimeout(self._seconds)  # the connection's next request has its own time
        super().close()
