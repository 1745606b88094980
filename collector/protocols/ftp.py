"""FTP (RFC 959, 2228, 2428, 4217): who signs in, what is moved, over which connection, and passwords sent in clear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import NamedTuple

from collector.protocols.frames import Lines, text
from collector.protocols.ftp_data import LISTS, MOVES, Transfer, announced, answered
from collector.protocols.model import Conversation as Reading
from collector.protocols.model import Expected, Flow, Log, Protocol, Side, Value

_SAID = "USER PASS ACCT AUTH RETR STOR STOU APPE DELE RNFR RNTO RMD MKD LIST NLST MLSD PORT PASV EPRT EPSV SITE"
_OTHERS = (
    "CWD CDUP SMNT REIN QUIT TYPE STRU MODE ALLO REST ABOR PWD XPWD SYST STAT HELP NOOP FEAT OPTS SIZE MDTM MLST "
    "CLNT PBSZ PROT CCC ADAT MIC CONF ENC LANG HOST XCWD XMKD XRMD"
)
#: Commands that are told with their answers: sign-ins, and what moves, names or removes files.
_TOLD = frozenset(_SAID.split())
_QUIET = frozenset(["PASS", "ACCT"])
#: Commands of one server's own, of which the first word is told: `SITE PSWD old new`.
_FIRST_WORD = frozenset({"SITE"})
_SECRET = re.compile(r"PASS|PSWD|PWD")
_KNOWN = _TOLD | frozenset(_OTHERS.split())
#: Commands that announce a data connection, and the answers that do.
_PORTS = frozenset({"PORT", "EPRT"})
_PASSIVE = MappingProxyType({"PASV": 227, "EPSV": 229})
#: Commands that wait for their answer.
_PENDING = 32


class _Command(NamedTuple):
    """A command that waits for its answer, and the data connection that it uses or announces."""

    at: int
    name: str
    argument: str
    transfer: Transfer | None = None
    secret: bool = False


def without_secret(command: str, argument: str) -> tuple[str, bool]:
    """Return what is told of a command's argument, and whether it was sent with a password."""
    if command in _QUIET:
        return "", True
    if command not in _FIRST_WORD:
        return argument, False
    first, _, rest = argument.strip().partition(" ")
    return first[:16], bool(rest) and _SECRET.search(first.upper()) is not None


class Conversation:
    """One control connection."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._sides = (Lines(), Lines())
        self._user = ""
        self._pending: list[_Command] = []
        self._transfer: Transfer | None = None
        self._news: Transfer | None = None
        self.done = False

    def expected(self) -> Expected | None:
        """Return the data connection that was announced since this was last asked."""
        news, self._news = self._news, None
        return news.expected(self._flow) if news else None

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        found: list[Log] = []
        for line in self._sides[side].feed(data):
            if side is Side.ORIG:
                self._command(at, line)
            else:
                found += self._reply(line)
            if self.done:
                break
        return found

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next line; which answer belongs to which command is not known any more."""
        self._sides[side].lost()
        self._pending.clear()
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Tell commands that were never answered."""
        waiting, self._pending = self._pending, []
        return [Log("ftp", one.at, self._fields(one)) for one in waiting if one.name in _TOLD]

    def _command(self, at: int, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        name = text(verb, 8).upper()
        if name not in _KNOWN:
            return
        argument, secret = without_secret(name, text(rest))
        if name == "USER":
            self._user = argument
        self._pending.append(_Command(at, name, argument, self._used(name, argument, rest), secret))
        del self._pending[:-_PENDING]

    def _used(self, name: str, argument: str, rest: bytes) -> Transfer | None:
        """Return the data connection that a command announces, or the announced one that it uses."""
        if name in _PORTS:
            self._announce(announced(name, rest.strip()))
            return self._transfer
        if name not in MOVES | LISTS or self._transfer is None:
            return None
        used, self._transfer = self._transfer, None
        used.user, used.command, used.argument = self._user, name, argument
        return used

    def _announce(self, transfer: Transfer | None) -> None:
        self._transfer = self._news = transfer

    def _reply(self, line: bytes) -> Iterator[Log]:
        # Of an answer of many lines the last one counts: its code is followed by a space.
        if not (line[:3].isdigit() and line[3:4] in {b" ", b""}) or not self._pending:
            return
        code = int(line[:3])
        command = self._pending[0]
        if code < 200:
            return
        del self._pending[0]
        if code == _PASSIVE.get(command.name):
            self._announce(answered(command.name, line))
            command = command._replace(transfer=self._transfer)
        if command.name in _TOLD:
            yield Log("ftp", command.at, {**self._fields(command), "reply_code": code, **_outcome(command, code)})
        if command.name == "AUTH" and code == 234:
            # TLS begins now.
            self.done = True

    def _fields(self, command: _Command) -> dict[str, Value]:
        fields: dict[str, Value] = {"user": self._user or "<unknown>", "command": command.name}
        if command.argument:
            fields["arg"] = command.argument
        if command.secret:
            fields["cleartext_password"] = True
        return fields | (command.transfer.fields(self._flow) if command.transfer else {})


def _outcome(command: _Command, code: int) -> dict[str, Value]:
    """Return whether a password was accepted; an answer that asks for more says neither."""
    return {"success": code < 300} if command.name in _QUIET and not 300 <= code < 400 else {}


def _recognises(side: Side, data: bytes) -> bool:
    if side is Side.RESP:
        return data[:4] in {b"220 ", b"220-"} and b"FTP" in data[:200].upper()
    return data[:5].upper() == b"USER " or data[:9].upper() in {b"AUTH TLS\r", b"AUTH SSL\r"}


def _expects(conversation: Reading) -> Expected | None:
    assert isinstance(conversation, Conversation)
    return conversation.expected()


PROTOCOL = Protocol(
    name="ftp",
    transports=frozenset({"tcp"}),
    ports=frozenset({21, 2121}),
    recognises=_recognises,
    open=Conversation,
    resumes=lambda data: data[:4].strip().upper().decode("ascii", "replace") in _KNOWN or data[:3].isdigit(),
    expects=_expects,
)
