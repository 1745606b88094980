"""What the journal knows of each sender's chain of batches (agent/wire/chain.py), and what breaks one.

The newest link of a sender is kept in the transaction of its batch, so that neither a lost answer nor a killed gateway
makes a break.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (
  source TEXT PRIMARY KEY, spool TEXT NOT NULL, number INTEGER NOT NULL, link TEXT NOT NULL, before TEXT NOT NULL,
  peak INTEGER NOT NULL, linked INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
"""


class Fault(StrEnum):
    """How a chain broke; the values are causes in the loss ledger."""

    MISSING = "chain_missing"
    """The sender had answers for batches that are not here: somebody took them in our place, or we lost them."""
    REPLACED = "chain_replaced"
    """The batch before has another content here than the sender says."""
    FORKED = "chain_forked"
    """The sender goes on from an older place: a copy of the machine, or one that was set back to a snapshot."""
    ANEW = "chain_anew"
    """The sender begins anew and tells no reason: somebody took its spool away."""
    LEFT = "chain_left"
    """The sender had a chain and sends without one."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a batch says of those before it, and the link that it makes itself."""

    spool: str
    number: int
    before: str
    link: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """A sender's newest link: of which spool, how many came before and with it, and when (microseconds).

    `peak` is the highest number of this spool so far: beyond it something is missing, below it the chain forks.
    """

    spool: str
    number: int
    link: str
    before: str
    peak: int
    linked: bool
    at: int


@dataclass(frozen=True, slots=True)
class Break:
    """A fault, when the chain was whole last, and how many batches are missing (0: not known)."""

    fault: Fault
    since: int
    batches: int = 0


def judge(known: Chain | None, claim: Claimed | None) -> Break | None:
    """Say how a new batch breaks its sender's chain; of a sender without one nothing can be said."""
    if known is None:
        return None
    if claim is None:
        return Break(Fault.LEFT, known.at) if known.linked else None
    if claim.spool == known.spool:
        return _within(known, claim)
    if claim.number:
        return Break(Fault.FORKED, known.at)
    return None if claim.damaged else Break(Fault.ANEW, known.at)


def _within(known: Chain, claim: Claimed) -> Break | None:
    if claim.number > known.peak:
        return Break(Fault.MISSING, known.at, claim.number - known.peak)
    if claim.number != known.number:
        return Break(Fault.FORKED, known.at)
    return None if claim.before == known.link else Break(Fault.REPLACED, known.at)


def same(known: Chain | None, claim: Claimed | None) -> bool:
    """Say whether a batch whose key is known is that batch indeed.

    It is the newest, or the one before when a delayed copy arrives. Any other comes from a machine that was set back:
    it gives old keys to new records.
    """
    return known is None or claim is None or claim.link in (known.link, known.before)


def chain_of(connection: sqlite3.Connection, source: str) -> Chain | None:
    """Return a sender's chain, None when it has none."""
    query = "SELECT spool, number, link, before, peak, linked, at FROM chain WHERE source = ?"
    row = connection.execute(query, (source,)).fetchone()
    return Chain(*row) if row else None


def keep(connection: sqlite3.Connection, source: str, known: Chain | None, claim: Claimed | None, at: int) -> None:
    """Make a batch its sender's newest link; one without a claim leaves the chain where it was."""
    if claim is None:
        connection.execute("UPDATE chain SET linked = 0 WHERE source = ? AND linked", (source,))
        return
    number = claim.number + 1
    peak = max(number, known.peak) if known and known.spool == claim.spool else number
    connection.execute(
        "INSERT OR REPLACE INTO chain VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
        (source, claim.spool, number, claim.link, claim.before, peak, at),
    )
