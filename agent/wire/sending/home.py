"""The agent's folder: its paths, its identity, and the lock that keeps a second agent out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from agent.wire.sending.files import OWN, make_private_folder, write_private


class Program(NamedTuple):
    """A program that sends to the box: its command, where it keeps its folder, the variable that names another one."""

    name: str
    folder: Path
    variable: str


def _agent_folder() -> Path:
    if sys.platform == "win32":
        # A service has the variable; where it lacks, this is what it says on every Windows since Vista.
        return Path(os.environ.get("ProgramData", r"C:\ProgramData")) / "Czujka"  # noqa: SIM112 (Windows writes it so)
    return Path("/var/lib/czujka-agent")


AGENT = Program("czujka-agent", _agent_folder(), "CZUJKA_AGENT_HOME")


class InUse(Exception):
    """Another agent runs on this folder."""


class Identity(NamedTuple):
    """Who this agent is to its box; times in µs since the epoch."""

    agent_id: str
    urls: tuple[str, ...]
    issued_at: int
    expires_at: int

    @property
    def renew_at(self) -> int:
        """When two thirds of the certificate's life are over."""
        return self.issued_at + (self.expires_at - self.issued_at) * 2 // 3


class AgentHome:
    """All paths of one agent, or of another program that sends as it does."""

    def __init__(self, folder: Path, program: Program = AGENT) -> None:
        self.folder = folder
        self.program = program

    @property
    def key(self) -> Path:
        """The private key, PEM, 0600."""
        return self.folder / "agent.key"

    @property
    def certificate(self) -> Path:
        """The certificate that the box issued, PEM."""
        return self.folder / "agent.pem"

    @property
    def ca(self) -> Path:
        """The box's CA, whose key was pinned by the token, PEM."""
        return self.folder / "ca.pem"

    @property
    def spool(self) -> Path:
        """The spool's database."""
        return self.folder / "spool.db"

    def create(self) -> None:
        """Make the folder, for its owner only; raises OSError."""
        make_private_folder(self.folder)

    def identity(self) -> Identity | None:
        """Return who this agent is, None when it is not enrolled or the file is damaged."""
        try:
            value = json.loads((self.folder / "identity.json").read_bytes())
            urls = tuple(str(url) for url in value["urls"])
            return Identity(str(value["agent_id"]), urls, int(value["issued_at"]), int(value["expires_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save_identity(self, identity: Identity) -> None:
        """Keep who this agent is."""
        write_private(self.folder / "identity.json", json.dumps(identity._asdict()).encode())

    def lock(self) -> int:
        """Take the folder for this process and return the lock's descriptor; raises InUse."""
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | OWN, 0o600)
        try:
            _take(descriptor)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InUse(str(self.folder)) from error
        return descriptor

    def closed(self) -> bool:
        """Tell whether this account may not look into the folder."""
        try:
            next(self.folder.iterdir(), None)
        except PermissionError:
            return True
        except OSError:
            return False
        return False

    def running(self) -> bool:
        """Tell whether a process works on this folder."""
        try:
            os.close(self.lock())
        except InUse:
            return True
        except OSError:
            return False
        return False


def _take(descriptor: int) -> None:
    """Lock a file against other processes; raises BlockingIOError when another has it."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 (exists on Windows alone)

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from error
    else:
        import fcntl  # noqa: PLC0415 (exists elsewhere alone)

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def home_of(argument: str | None, program: Program = AGENT) -> AgentHome:
    """Return the folder that the command line, else the environment, else the default names."""
    return AgentHome(Path(argument or os.environ.get(program.variable) or program.folder), program)
