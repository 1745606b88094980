"""Values from process to process, whole: each is written to memory that both reach, and only a handle travels.

Through a pipe a value arrives in pieces. A thread that reads them beside one that computes waits for the interpreter
at each piece, up to 5 ms (`sys.getswitchinterval`), and whoever sends waits with it.
"""

from __future__ import annotations

import os
import pickle
import socket
from typing import Any

_MARK = b"\0"


class Parcels:
    """One side of a connection between two processes of ours. One thread may send while another receives."""

    def __init__(self, side: socket.socket) -> None:
        self._socket = side

    @classmethod
    def pair(cls) -> tuple[Parcels, Parcels]:
        """Return both sides."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), cls(theirs)

    @classmethod
    def inherited(cls, handle: int) -> Parcels:
        """Return the side that this process was started with."""
        return cls(socket.socket(fileno=handle))

    def fileno(self) -> int:
        """Return the handle of this side."""
        return self._socket.fileno()

    def send(self, value: object) -> None:
        """Hand a value over. Raises OSError when the other side has ended."""
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        memory = os.memfd_create("parcel", os.MFD_CLOEXEC)
        try:
            with os.fdopen(memory, "wb", closefd=False) as file:
                file.write(content)
            socket.send_fds(self._socket, [_MARK], [memory])
        finally:
            os.close(memory)

    def receive(self) -> Any:
        """Wait for a value. Raises EOFError when the other side has ended, OSError when this one is closed."""
        mark, handles, _, _ = socket.recv_fds(self._socket, len(_MARK), 1)
        if mark != _MARK:
            raise EOFError
        with os.fdopen(handles[0], "rb") as file:
            file.seek(0)
            return pickle.loads(file.read())  # noqa: S301  the other side is a process of ours

    def close(self) -> None:
        """Close this side."""
        self._socket.close()
