"""What is known of one SMB connection, whichever version speaks: sign-ins, shares, open files and pipes; its logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from struct import error
from typing import Literal, TypeVar

from collector.protocols.dce_rpc.calls import Calls
from collector.protocols.gss import SignIn
from collector.protocols.model import Log, Scalar
from collector.protocols.smb.names import MORE_PROCESSING, failed, status_name

#: Sign-ins, shares, files and unanswered requests that are remembered; the oldest is forgotten first.
SESSIONS, TREES, FILES, PENDING = 32, 64, 512, 256
Version = Literal["SMB1", "SMB2"]
_Key = TypeVar("_Key")
_Kept = TypeVar("_Kept")


@dataclass(slots=True)
class Tree:
    """A share that is connected: `\\\\server\\share` and its kind."""

    path: str
    kind: str


@dataclass(slots=True)
class File:
    """An open file or pipe."""

    tree: Tree
    name: str
    size: int
    written: bool = False
    calls: Calls | None = None


def keep(held: dict[_Key, _Kept], key: _Key, value: _Kept, most: int) -> None:
    """Remember a value under a key, among at most so many."""
    held[key] = value
    if len(held) > most:
        del held[next(iter(held))]


@dataclass(slots=True)
class Shares:
    """The state of one connection."""

    version: Version = "SMB2"
    sign_ins: dict[int, SignIn] = field(default_factory=dict)
    users: dict[int, str] = field(default_factory=dict)
    trees: dict[int, Tree] = field(default_factory=dict)
    files: dict[bytes, File] = field(default_factory=dict)

    def command(self, at: int, name: str, status: int, **fields: Scalar) -> Log:
        """Return the log of a command that matters for itself."""
        said = {name: value for name, value in fields.items() if value != ""}
        return Log("smb_cmd", at, {"command": name, "version": self.version, "status": status_name(status), **said})

    def token(self, session: int, raw: bytes) -> None:
        """Take a security token of a session (0 = the one that is being set up)."""
        sign_in = self.sign_ins.get(session) or self.sign_ins.pop(0, None) or SignIn()
        keep(self.sign_ins, session, sign_in, SESSIONS)
        sign_in.take(raw)

    def signed_in(self, at: int, session: int, status: int, *, guest: bool, user: str = "") -> Iterator[Log]:
        """Tell how a sign-in ended, if it did."""
        if status == MORE_PROCESSING:
            return
        sign_in = self.sign_ins.pop(session, None) or self.sign_ins.pop(0, None) or SignIn()
        user = sign_in.user or user
        good = not failed(status)
        yield from sign_in.settle(at, good, "" if good else status_name(status))
        if good and user:
            keep(self.users, session, user, SESSIONS)
        extra: dict[str, Scalar] = {"guest": True} if guest else {}
        yield self.command(at, "SESSION_SETUP", status, username=user, **extra)

    def connected(self, at: int, key: int, path: str, kind: str, service: str = "") -> Log:
        """A share is connected."""
        keep(self.trees, key, Tree(path, kind), TREES)
        fields = {"path": path, "share_type": kind, "service": service}
        return Log("smb_mapping", at, {name: value for name, value in fields.items() if value})

    def opened(self, at: int, key: bytes, tree: int, name: str, size: int) -> Sequence[Log]:
        """A file or pipe is open; the share's own folder is no file."""
        share = self.trees.get(tree) or Tree("", "DISK")
        file = File(share, name, size)
        if share.kind == "PIPE":
            file.calls = Calls(f"\\pipe\\{name}")
        keep(self.files, key, file, FILES)
        return (self._file(at, "OPEN", file),) if name else ()

    def written(self, at: int, key: bytes, data: bytes) -> Iterator[Log]:
        """Something is written into a file (told once), or asked through a pipe."""
        file = self.files.get(key)
        if file and file.calls:
            yield from self.piped(at, key, data)
        elif file and not file.written:
            file.written = True
            yield self._file(at, "WRITE", file)

    def piped(self, at: int, key: bytes, data: bytes) -> Iterator[Log]:
        """Take bytes that went through a pipe in either direction; what is no DCE/RPC stays unread."""
        file = self.files.get(key)
        if file and file.calls and data[:1] == b"\5":
            with suppress(ValueError, IndexError, error):
                yield from file.calls.read(at, data[: int.from_bytes(data[8:10], "little")])

    def renamed(self, at: int, key: bytes, name: str) -> Sequence[Log]:
        """An open file gets another name."""
        file = self.files.get(key)
        if not file:
            return ()
        before, file.name = file.name, name
        return (self._file(at, "RENAME", file, prev_name=before),)

    def moved(self, at: int, tree: int, before: str, name: str) -> Log:
        """A file is renamed by its name alone."""
        return self._file(at, "RENAME", File(self.trees.get(tree) or Tree("", "DISK"), name, 0), prev_name=before)

    def deleted(self, at: int, file: File) -> Log:
        """A file is deleted."""
        return self._file(at, "DELETE", file)

    def _file(self, at: int, action: str, file: File, **more: Scalar) -> Log:
        kind = {"PIPE": "PIPE", "PRINT": "PRINT"}.get(file.tree.kind, "FILE")
        fields: dict[str, Scalar] = {"action": f"SMB::{kind}_{action}", "name": file.name, **more}
        if file.tree.path:
            fields["path"] = file.tree.path
        if kind == "FILE" and file.size:
            fields["size"] = file.size
        return Log("smb_files", at, fields)
