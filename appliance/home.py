"""The state folder of one box: every path in it, and the lock that keeps a second box out."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHECKOUT = Path(__file__).resolve().parent.parent


class HomeBusy(RuntimeError):
    """Another box runs on this home folder."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one state folder. Nothing else in the code joins these names."""

    root: Path

    @property
    def config(self) -> Path:
        """The settings file; may be missing."""
        return self.root / "czujka.toml"

    @property
    def ca(self) -> Path:
        """The CA certificate that clients pin; its presence is part of being ready."""
        return self.root / "ca.pem"

    @property
    def pki(self) -> Path:
        """CA key, server key pair and the importer's key pair; mode 0700."""
        return self.root / "pki"

    @property
    def journal(self) -> Path:
        """The hand-off between gateway and pipeline."""
        return self.root / "journal.db"

    @property
    def correlations(self) -> Path:
        """What correlations remember of the events in the store; may be deleted while the box is down."""
        return self.root / "correlations.db"

    @property
    def dead_letters(self) -> Path:
        """Records that could not be read, with their bytes."""
        return self.root / "dead-letters.db"

    @property
    def state(self) -> Path:
        """Users, alerts, agents, outbox: SQLite unless the settings name another database."""
        return self.root / "state.db"

    @property
    def evidence(self) -> Path:
        """The evidence chain: entries, signatures, and what they were made of."""
        return self.root / "evidence.db"

    @property
    def store(self) -> Path:
        """Segments and manifest of the event store."""
        return self.root / "store"

    @property
    def spool(self) -> Path:
        """What waits for a cluster, and how far the journal is applied, when events are kept in one."""
        return self.root / "spool.db"

    @property
    def cluster(self) -> Path:
        """What the last check of the cluster found; may be missing."""
        return self.root / "cluster.json"

    def copied(self, source: str, target: str) -> Path:
        """How far the copying of events from one kind of store to another has come."""
        return self.root / f"copy-{source}-{target}.json"

    @property
    def cache(self) -> Path:
        """Compiled rules; may be deleted at any time."""
        return self.root / "cache"

    @property
    def rules(self) -> Path:
        """The office's own rules, beside those that ship."""
        return self.root / "rules"

    @property
    def policy(self) -> Path:
        """Which rules are on; may be missing."""
        return self.rules / "policy.yaml"

    @property
    def rulesets(self) -> Path:
        """Releases of rules that were taken from files, and what says which of them are in force."""
        return self.root / "rulesets"

    @property
    def lists(self) -> Path:
        """The office's lists that stand for placeholders in rules; may be missing."""
        return self.rules / "lists"

    @property
    def agent(self) -> Path:
        """The home of the agent that watches this very machine."""
        return self.root / "agent"

    @property
    def agent_packages(self) -> Path:
        """The agent's packages that the box hands out; made by `czujka build agent`."""
        return self.root / "agent-packages"

    @property
    def wheelhouse(self) -> Path:
        """The wheels of which the agent's packages are made; filled by `czujka build agent --fetch`."""
        return self.root / "wheelhouse"

    @property
    def slices(self) -> Path:
        """The first packets of flows of imported captures, as a sensor keeps them: `--home` of it is this folder."""
        return self.root / "slices"

    @property
    def packets(self) -> Path:
        """Packets of flows that somebody asked for."""
        return self.root / "packets"

    @property
    def feeds(self) -> Path:
        """What is known of weaknesses, and the keys whose word is taken for it."""
        return self.root / "feeds"

    @property
    def mailbox(self) -> Path:
        """Maildir that takes outgoing mail while no mail server is set."""
        return self.root / "mailbox"

    @property
    def reports(self) -> Path:
        """Reports that the command line made."""
        return self.root / "reports"

    @property
    def local_token(self) -> Path:
        """API token of the command line on this machine; mode 0600."""
        return self.root / "local.token"

    @property
    def ports(self) -> Path:
        """JSON with the ports that the running box listens on: {"web": int, "gateway": int}."""
        return self.root / "ports.json"

    @property
    def running(self) -> Path:
        """The lock file; it holds the process id of the running box."""
        return self.root / "running.lock"

    def create(self) -> None:
        """Make the folder, readable by its owner alone."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.pki, self.store, self.cache, self.rules, self.reports):
            folder.mkdir(mode=0o700, exist_ok=True)

    def lock(self) -> IO[str]:
        """Take the box's lock and return its open file; hold it for as long as the box runs.

        Raises HomeBusy when another process holds it.
        """
        handle = self.running.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise HomeBusy(str(self.root)) from error
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        return handle


def default_home() -> Path:
    """`CZUJKA_HOME` if set; `var/` in a checkout; `/var/lib/czujka` when installed."""
    named = os.environ.get("CZUJKA_HOME")
    if named:
        return Path(named)
    return CHECKOUT / "var" if (CHECKOUT / "czujka").is_file() else Path("/var/lib/czujka")
