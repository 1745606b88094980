"""SMB 2 and 3 (MS-SMB2): negotiate, sign in, connect, open, write, rename, delete; the calls through pipes."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from typing import NamedTuple

from collector.protocols.frames import utf16
from collector.protocols.model import Log, Malformed, Side
from collector.protocols.smb.names import DIALECTS, MORE_PROCESSING, SHARES, SMB2_COMMANDS, failed
from collector.protocols.smb.shares import PENDING, File, Shares, Tree, keep

MAGIC, ENCRYPTED, COMPRESSED = b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE, READ, WRITE, IOCTL, SET_INFO = (
    SMB2_COMMANDS.index(name)
    for name in (
        "NEGOTIATE",
        "SESSION_SETUP",
        "TREE_CONNECT",
        "TREE_DISCONNECT",
        "CREATE",
        "CLOSE",
        "READ",
        "WRITE",
        "IOCTL",
        "SET_INFO",
    )
)
_ANSWERS = frozenset({NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, CLOSE, READ, WRITE, IOCTL, SET_INFO})
#: Instead of a file's id: the one that the chain has just opened.
_CHAINED = b"\xff" * 16
_HEAD = struct.Struct("<IHHIIQIIQ")
_PENDING, _ACCESS_DENIED = 0x00000103, 0xC0000022
_BODY = 64
_RESPONSE, _ASYNC = 1, 2
_PIPE_TRANSCEIVE = 0x0011C017
_RENAME, _DISPOSITION, _DISPOSITION_EX, _RENAME_EX = 10, 13, 64, 65
_DELETE_ON_CLOSE = 0x1000
#: Messages that one packet may chain (MS-SMB2 3.2.4.1.4).
_CHAIN = 32


class Head(NamedTuple):
    """A message with what its header says."""

    message: bytes
    status: int
    command: int
    credits: int
    flags: int
    following: int
    number: int
    process: int
    tree: int
    session: int


class Smb2:
    """One connection's SMB 2 messages. `shares` is told what happens."""

    __slots__ = ("_last", "_pending", "_shares")

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        #: Message id → command, tree, and what the request said.
        self._pending: dict[int, tuple[int, int, object]] = {}
        self._last = b""

    def read(self, side: Side, at: int, message: bytes) -> Iterator[Log]:
        """Read one message of the transport: one or more SMB 2 messages in a chain."""
        self._shares.version = "SMB2"
        for _ in range(_CHAIN):
            if len(message) < _BODY:
                raise Malformed("smb2_truncated")
            following = int.from_bytes(message[20:24], "little")
            if 0 < following < _BODY:
                raise Malformed("smb2_chain")
            yield from self._one(side, at, message[:following] if following else message)
            if not following or len(message) <= following:
                return
            message = message[following:]

    def _one(self, side: Side, at: int, message: bytes) -> Iterator[Log]:
        head = Head(message, *_HEAD.unpack_from(message, 8))
        if not head.flags & _RESPONSE and side is Side.ORIG:
            said = yield from self._request(at, head)
            if head.command in _ANSWERS:
                keep(self._pending, head.number, (head.command, head.tree, said), PENDING)
            return
        asked = self._pending.get(head.number)
        if head.status == _PENDING or asked is None or asked[0] != head.command:
            return
        del self._pending[head.number]
        # An answer that came later than others has another number where the share's stands.
        yield from self._answer(at, head._replace(tree=asked[1]) if head.flags & _ASYNC else head, asked[2])

    def _request(self, at: int, head: Head) -> Generator[Log, None, object]:
        """Return what is to be known of a request when its answer comes."""
        message = head.message
        if head.command == SESSION_SETUP:
            start, size = struct.unpack_from("<HH", message, _BODY + 12)
            self._shares.token(head.session, message[start : start + size])
        elif head.command == TREE_CONNECT:
            start, size = struct.unpack_from("<HH", message, _BODY + 4)
            return utf16(message[start : start + size])
        elif head.command == CREATE:
            options, start, size = struct.unpack_from("<IHH", message, _BODY + 40)
            return utf16(message[start : start + size]), bool(options & _DELETE_ON_CLOSE)
        elif head.command == TREE_DISCONNECT:
            self._shares.trees.pop(head.tree, None)
        elif head.command == SET_INFO:
            return self._change(message)
        elif head.command in {CLOSE, READ, WRITE, IOCTL}:
            return (yield from self._use(at, head))
        return None

    def _use(self, at: int, head: Head) -> Generator[Log, None, bytes | None]:
        """Return the file that is read, written or closed; tell what a write says at once: its answer adds nothing."""
        message = head.message
        if head.command == IOCTL:
            return (yield from self._control(at, message))
        key = self._file(message, 8 if head.command == CLOSE else 16)
        if head.command == WRITE:
            start, size = struct.unpack_from("<HI", message, _BODY + 2)
            yield from self._shares.written(at, key, message[start : start + size])
        return key

    def _answer(self, at: int, head: Head, said: object) -> Iterator[Log]:
        message, command, status, shares = head.message, head.command, head.status, self._shares
        if command == NEGOTIATE:
            dialect = int.from_bytes(message[_BODY + 4 : _BODY + 6], "little")
            yield shares.command(at, "NEGOTIATE", status, dialect=DIALECTS.get(dialect, f"0x{dialect:04x}"))
        elif command == SESSION_SETUP:
            flags, start, size = struct.unpack_from("<HHH", message, _BODY + 2)
            if not failed(status) or status == MORE_PROCESSING:
                shares.token(head.session, message[start : start + size])
            yield from shares.signed_in(at, head.session, status, guest=bool(flags & 3) and not failed(status))
        elif command == TREE_CONNECT and isinstance(said, str):
            if failed(status):
                user = shares.users.get(head.session, "")
                yield shares.command(at, "TREE_CONNECT", status, argument=said, username=user)
            else:
                yield shares.connected(at, head.tree, said, SHARES.get(message[_BODY + 2], "DISK"))
        elif command == CREATE and isinstance(said, tuple):
            yield from self._created(at, head, said)
        elif command == SET_INFO and isinstance(said, tuple) and not failed(status):
            yield from self._changed(at, said)
        elif isinstance(said, bytes) and not failed(status):
            yield from self._done(at, message, command, self._last if said == _CHAINED else said)

    def _done(self, at: int, message: bytes, command: int, key: bytes) -> Iterator[Log]:
        """What a file was asked for is done."""
        if command == CLOSE:
            self._shares.files.pop(key, None)
        elif command == WRITE:
            yield from self._shares.written(at, key, b"")
        elif command == READ:
            yield from self._shares.piped(at, key, message[message[_BODY + 2] :])
        elif command == IOCTL:
            start, size = struct.unpack_from("<II", message, _BODY + 32)
            yield from self._shares.piped(at, key, message[start : start + size])

    def _created(self, at: int, head: Head, said: tuple[str, bool]) -> Iterator[Log]:
        (name, vanishing), message, tree = said, head.message, head.tree
        if head.status == _ACCESS_DENIED:
            path = self._shares.trees.get(tree) or Tree("", "")
            yield self._shares.command(at, "CREATE", head.status, argument=name, tree=path.path)
        if failed(head.status):
            return
        (size,) = struct.unpack_from("<Q", message, _BODY + 48)
        key = message[_BODY + 64 : _BODY + 80]
        self._last = key
        yield from self._shares.opened(at, key, tree, name, size)
        if vanishing and name:
            yield self._shares.deleted(at, self._shares.files[key])

    def _control(self, at: int, message: bytes) -> Generator[Log, None, bytes | None]:
        code = int.from_bytes(message[_BODY + 4 : _BODY + 8], "little")
        if code != _PIPE_TRANSCEIVE:
            return None
        key = self._file(message, 8)
        start, size = struct.unpack_from("<II", message, _BODY + 24)
        yield from self._shares.piped(at, key, message[start : start + size])
        return key

    def _change(self, message: bytes) -> tuple[bytes, str | None] | None:
        """Return the file and its new name (None = it is to be deleted) that a SET_INFO asks for."""
        kind, detail = message[_BODY + 2], message[_BODY + 3]
        (start,) = struct.unpack_from("<H", message, _BODY + 8)
        key = self._file(message, 16)
        if kind != 1:
            return None
        if detail in {_RENAME, _RENAME_EX}:
            (size,) = struct.unpack_from("<I", message, start + 16)
            return key, utf16(message[start + 20 : start + 20 + size])
        if detail in {_DISPOSITION, _DISPOSITION_EX} and message[start] & 1:
            return key, None
        return None

    def _changed(self, at: int, said: tuple[bytes, str | None]) -> Iterator[Log]:
        key, name = said
        key = self._last if key == _CHAINED else key
        file: File | None = self._shares.files.get(key)
        if file and name is None:
            yield self._shares.deleted(at, file)
        elif name is not None:
            yield from self._shares.renamed(at, key, name)

    def _file(self, message: bytes, place: int) -> bytes:
        """Return the id of the file that a request means."""
        key = message[_BODY + place : _BODY + place + 16]
        if len(key) < 16:
            raise Malformed("smb2_truncated")
        return key
