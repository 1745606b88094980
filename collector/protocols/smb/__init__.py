"""SMB 1, 2 and 3: sign-ins, shares, files and pipes, and the DCE/RPC calls that go through pipes.

Of encrypted connections the names are hidden; that they are encrypted is told once. What is read or written is never
kept: the first write to each file is told, no byte of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from struct import error

from collector.protocols.frames import Frames
from collector.protocols.model import Flow, Landmark, Log, Malformed, Protocol, Side
from collector.protocols.smb import smb1, smb2
from collector.protocols.smb.shares import Shares

#: Bytes of a message that are read: names, tokens and the heads of calls are at its beginning.
_KEEP = 4096
_MAGICS = frozenset({smb1.MAGIC, smb2.MAGIC, smb2.ENCRYPTED, smb2.COMPRESSED})
#: RFC 1002 4.3.1: message, session request, its answers, retarget, keep-alive.
_TYPES = frozenset({0x00, 0x81, 0x82, 0x83, 0x84, 0x85})


def _length(data: bytes, at: int) -> int:
    if data[at] not in _TYPES:
        raise Malformed("nbss_type")
    return 4 + int.from_bytes(data[at + 1 : at + 4], "big")


class Conversation:
    """One connection."""

    done = False

    def __init__(self, _flow: Flow) -> None:
        self._sides = tuple(Frames(4, _length, _KEEP) for _ in Side)
        self._shares = Shares()
        self._readers: dict[bytes, smb1.Smb1 | smb2.Smb2] = {
            smb1.MAGIC: smb1.Smb1(self._shares),
            smb2.MAGIC: smb2.Smb2(self._shares),
        }
        self._hidden: set[bytes] = set()

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        return [log for message in self._sides[side].feed(data) for log in self._read(side, at, message)]

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Read what there is of the message that was begun (a large write is never whole), and begin anew."""
        found: list[Log] = []
        for message in self._sides[side].lost():
            with suppress(ValueError, IndexError, error):
                found += self._read(side, at, message)
        return found

    def close(self, at: int) -> Iterable[Log]:
        """Tell of messages that the end has cut."""
        return [*self.lost(Side.ORIG, at), *self.lost(Side.RESP, at)]

    def _read(self, side: Side, at: int, message: bytes) -> Iterator[Log]:
        magic = message[4:8]
        if message[0] or not magic:
            return
        reader = self._readers.get(magic)
        if reader:
            yield from reader.read(side, at, message[4:])
        elif magic not in _MAGICS:
            raise Malformed("smb_magic")
        elif magic not in self._hidden:
            self._hidden.add(magic)
            name = "ENCRYPTED" if magic == smb2.ENCRYPTED else "COMPRESSED"
            yield Log("smb_cmd", at, {"command": name, "version": "SMB3", "status": "SUCCESS"})


def _recognises(_side: Side, data: bytes) -> bool:
    return data[4:8] in _MAGICS and data[:1] == b"\0"


def _resumes(data: bytes) -> bool:
    """Tell packets that begin a message worth reading: all but the bulk of reading and writing."""
    magic = data[4:8]
    if magic not in _MAGICS or data[0]:
        return False
    if magic == smb2.MAGIC and len(data) >= 1000:
        # The first write to a file begins at its first byte.
        return data[16] != smb2.READ and (data[16] != smb2.WRITE or data[76:84] == bytes(8))
    return magic != smb2.ENCRYPTED


PROTOCOL = Protocol(
    name="smb",
    transports=frozenset({"tcp"}),
    ports=frozenset({139, 445}),
    recognises=_recognises,
    open=Conversation,
    resumes=_resumes,
    landmark=Landmark(4, tuple(int.from_bytes(magic, "big") for magic in sorted(_MAGICS))),
)
