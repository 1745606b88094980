"""FTP (RFC 959, 2228, 4217): who signs in, what is moved, and whether the password went in clear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.protocols.frames import Lines, text
from collector.protocols.model import Flow, Log, Protocol, Side, Value

_MOVES = "USER PASS ACCT AUTH RETR STOR STOU APPE DELE RNFR RNTO RMD MKD LIST NLST MLSD PORT PASV EPRT EPSV SITE"
_OTHERS = (
    "CWD CDUP SMNT REIN QUIT TYPE STRU MODE ALLO REST ABOR PWD XPWD SYST STAT HELP NOOP FEAT OPTS SIZE MDTM MLST "
    "CLNT PBSZ PROT CCC ADAT MIC CONF ENC LANG HOST XCWD XMKD XRMD"
)
#: Commands that are told with their answers: sign-ins, and what moves, names or removes files.
_TOLD = frozenset(_MOVES.split())
_QUIET = frozenset(["PASS", "ACCT"])
_KNOWN = _TOLD | frozenset(_OTHERS.split())
#: Commands that wait for their answer.
_PENDING = 32


class Conversation:
    """One control connection."""

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Lines(), Lines())
        self._user = ""
        self._pending: list[tuple[int, str, str]] = []
        self.done = False

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
        return [Log("ftp", at, self._fields(name, argument)) for at, name, argument in waiting if name in _TOLD]

    def _command(self, at: int, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        name = text(verb, 8).upper()
        if name not in _KNOWN:
            return
        argument = "" if name in _QUIET else text(rest)
        if name == "USER":
            self._user = argument
        self._pending.append((at, name, argument))
        del self._pending[:-_PENDING]

    def _reply(self, line: bytes) -> Iterator[Log]:
        # Of an answer of many lines the last one counts: its code is followed by a space.
        if not (line[:3].isdigit() and line[3:4] in {b" ", b""}) or not self._pending:
            return
        code = int(line[:3])
        at, name, argument = self._pending[0]
        if code < 200:
            return
        del self._pending[0]
        if name in _TOLD:
            yield Log("ftp", at, {**self._fields(name, argument), "reply_code": code})
        if name == "AUTH" and code == 234:
            # TLS begins now.
            self.done = True

    def _fields(self, name: str, argument: str) -> dict[str, Value]:
        fields: dict[str, Value] = {"user": self._user or "<unknown>", "command": name}
        if argument:
            fields["arg"] = argument
        if name in _QUIET:
            fields["cleartext_password"] = True
        return fields


def _recognises(side: Side, data: bytes) -> bool:
    if side is Side.RESP:
        return data[:4] in {b"220 ", b"220-"} and b"FTP" in data[:200].upper()
    return data[:5].upper() == b"USER " or data[:9].upper() in {b"AUTH TLS\r", b"AUTH SSL\r"}


PROTOCOL = Protocol(
    name="ftp",
    transports=frozenset({"tcp"}),
    ports=frozenset({21, 2121}),
    recognises=_recognises,
    open=Conversation,
    resumes=lambda data: data[:4].strip().upper().decode("ascii", "replace") in _KNOWN or data[:3].isdigit(),
)
