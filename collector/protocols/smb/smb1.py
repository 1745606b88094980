"""SMB 1 (MS-CIFS, MS-SMB), which nobody should speak any more: the same facts as of its successors."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from typing import NamedTuple

from collector.protocols.frames import text, utf16
from collector.protocols.model import Log, Malformed, Side
from collector.protocols.smb.names import MORE_PROCESSING, failed
from collector.protocols.smb.shares import PENDING, File, Shares, Tree, keep

MAGIC = b"\xffSMB"
CLOSE, DELETE, RENAME, TRANSACTION, READ = 0x04, 0x06, 0x07, 0x25, 0x2E
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE = 0x72, 0x73, 0x75, 0xA2
_KNOWN = frozenset({CLOSE, DELETE, RENAME, TRANSACTION, READ, NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE})
_WORDS = 33
_REPLY, _UNICODE = 0x80, 0x8000
_TRANSACT_PIPE = 0x26
_NOT_SUPPORTED = 0xC00000BB
_NO_DIALECT = 0xFFFF


class Head(NamedTuple):
    """A message with what its header says: `words` are its parameters, its bytes begin at `rest`."""

    message: bytes
    command: int
    status: int
    tree: int
    user: int
    words: bytes
    rest: int
    wide: bool


class Smb1:
    """One connection's SMB 1 messages. `shares` is told what happens."""

    __slots__ = ("_pending", "_shares")

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        #: Process and message id → command and what the request said.
        self._pending: dict[bytes, tuple[int, object]] = {}

    def read(self, _side: Side, at: int, message: bytes) -> Iterator[Log]:
        """Read one message."""
        if len(message) < _WORDS + 2:
            raise Malformed("smb1_truncated")
        command, status, flags, more, tree, user = struct.unpack_from("<BIBH12xH2xH", message, 4)
        words = message[_WORDS : _WORDS + message[32] * 2]
        head = Head(message, command, status, tree, user, words, _WORDS + len(words) + 2, bool(more & _UNICODE))
        number = message[26:28] + message[30:32]
        if not flags & _REPLY:
            said = yield from self._request(at, head)
            if command in _KNOWN:
                keep(self._pending, number, (command, said), PENDING)
            return
        asked = self._pending.pop(number, None)
        if asked and asked[0] == command:
            self._shares.version = "SMB1"
            yield from self._answer(at, head, asked[1])

    def _request(  # noqa: C901, PLR0911 - one case a command
        self, at: int, head: Head
    ) -> Generator[Log, None, object]:
        """Return what is to be known of a request when its answer comes."""
        message, words, rest, wide = head.message, head.words, head.rest, head.wide
        match head.command:
            case 0x72:
                return [text(one) for one in message[rest:].split(b"\2")[1:33]]
            case 0x73:
                return self._sign_in(head)
            case 0x75:
                (size,) = struct.unpack_from("<H", words, 6)
                return _strings(message, rest + size, wide, 1)[0]
            case 0xA2:
                (size,) = struct.unpack_from("<H", words, 5)
                start = rest + (rest & 1) if wide else rest
                raw = message[start : start + size]
                return (utf16(raw) if wide else text(raw)).lstrip("\\")
            case 0x06:
                return _strings(message, rest + 1, wide, 1)[0].lstrip("\\")
            case 0x07:
                return tuple(name.lstrip("\\") for name in _strings(message, rest + 1, wide, 2, gap=1))
            case 0x04:
                self._shares.files.pop(words[:2], None)
            case 0x2F:
                size, start = struct.unpack_from("<HH", words, 20)
                yield from self._shares.written(at, words[4:6], message[start : start + size])
            case 0x2E:
                return words[4:6]
            case 0x25 if len(words) >= 32 and words[28] == _TRANSACT_PIPE:
                size, start = struct.unpack_from("<HH", words, 22)
                yield from self._shares.piped(at, words[30:32], message[start : start + size])
                return words[30:32]
        return None

    def _sign_in(self, head: Head) -> str:
        """Take a sign-in: a token of NTLM, or the older form whose user stands in the message. Return the user."""
        if len(head.words) == 24:
            (size,) = struct.unpack_from("<H", head.words, 14)
            self._shares.token(0, head.message[head.rest : head.rest + size])
            return ""
        if len(head.words) != 26:
            return ""
        plain, hashed = struct.unpack_from("<HH", head.words, 14)
        return _strings(head.message, head.rest + plain + hashed, head.wide, 1)[0]

    def _answer(self, at: int, head: Head, said: object) -> Iterator[Log]:
        command, status, words, shares = head.command, head.status, head.words, self._shares
        if command == NEGOTIATE and isinstance(said, list):
            chosen = int.from_bytes(words[:2], "little")
            if chosen == _NO_DIALECT:
                status = _NOT_SUPPORTED
            yield shares.command(at, "NEGOTIATE", status, dialect=said[chosen] if chosen < len(said) else "")
        elif command == SESSION_SETUP:
            if len(words) == 8 and (not failed(status) or status == MORE_PROCESSING):
                (size,) = struct.unpack_from("<H", words, 6)
                shares.token(0, head.message[head.rest : head.rest + size])
            guest = len(words) >= 6 and bool(words[4] & 1)
            yield from shares.signed_in(at, head.user, status, guest=guest, user=str(said))
        elif command == TREE_CONNECT and failed(status):
            user = shares.users.get(head.user, "")
            yield shares.command(at, "TREE_CONNECT", status, argument=str(said), username=user)
        elif command == TREE_CONNECT:
            service = text(head.message[head.rest : head.rest + 16].partition(b"\0")[0])
            kind = {"IPC": "PIPE", "LPT1:": "PRINT"}.get(service, "DISK")
            yield shares.connected(at, head.tree, str(said), kind, service)
        elif not failed(status):
            yield from self._done(at, head, said)

    def _done(self, at: int, head: Head, said: object) -> Iterator[Log]:
        command, words, shares = head.command, head.words, self._shares
        if command == CREATE and len(words) >= 63:
            (size,) = struct.unpack_from("<Q", words, 55)
            yield from shares.opened(at, words[5:7], head.tree, str(said), size)
        elif command == DELETE:
            yield shares.deleted(at, File(shares.trees.get(head.tree) or Tree("", "DISK"), str(said), 0))
        elif command == RENAME and isinstance(said, tuple):
            yield shares.moved(at, head.tree, said[0], said[1])
        elif isinstance(said, bytes) and len(words) >= 16:
            # Both answers tell how much came and where it lies, READ_ANDX from its byte 10, TRANSACTION from 12.
            size, start = struct.unpack_from("<HH", words, 10 if command == READ else 12)
            yield from shares.piped(at, said, head.message[start : start + size])


def _strings(message: bytes, at: int, wide: bool, count: int, gap: int = 0) -> list[str]:
    """Return strings that end with NUL, one after another; wide ones begin at an even place, `gap` bytes part them."""
    found = []
    for _ in range(count):
        at += at & 1 if wide else 0
        end = message.find(b"\0\0" if wide else b"\0", at)
        while wide and end >= 0 and (end - at) & 1:
            end = message.find(b"\0\0", end + 1)
        if end < 0:
            raise Malformed("smb1_string")
        found.append(utf16(message[at:end]) if wide else text(message[at:end]))
        at = end + (2 if wide else 1) + gap
    return found
