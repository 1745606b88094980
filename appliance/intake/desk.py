"""What the gateway's answers are made with: the box's parts, its limits, and what it has done."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy.orm import Session, sessionmaker

from appliance.intake.activity import Activity
from appliance.intake.calls import Calls, wanted_in
from appliance.intake.identity import Directory, Peer
from appliance.intake.rates import Buckets
from appliance.intake.reading import MAX_JSON, declared_length, parse_object, read_body
from appliance.intake.replies import Receive, Refused, Scope
from appliance.intake.streams import Streams
from appliance.intake.updates import Updates
from appliance.intake.writer import GroupWriter
from appliance.journal import DeadLetters
from appliance.pki import Authority
from appliance.state.database import writing
from appliance.stations.quarantine import Reason, hold

BODY_SECONDS = 60.0
MAX_WAITING = 64 << 20
"""Bytes of batch bodies that may be in memory at once; past it senders are asked to wait."""
FULL_WAIT, FAULT_WAIT, BUSY_WAIT = 30, 10, 1
log = structlog.get_logger()


@dataclass(slots=True)
class Counters:
    """What the gateway has done since it started."""

    batches: int = 0
    records: int = 0
    duplicates: int = 0
    refused: int = 0


@dataclass(slots=True)
class Limits:
    """Requests by agent and, for enrolment, by address."""

    batches: Buckets = field(default_factory=lambda: Buckets(200, 400, time.monotonic))
    heartbeats: Buckets = field(default_factory=lambda: Buckets(1, 20, time.monotonic))
    updates: Buckets = field(default_factory=lambda: Buckets(20, 400, time.monotonic))
    enrolments: Buckets = field(default_factory=lambda: Buckets(0.5, 30, time.monotonic))
    forks: Buckets = field(default_factory=lambda: Buckets(1 / 3600, 2, time.monotonic))
    """Forks of a chain that may be chance: a machine that is set back to a snapshot makes one."""
    lines: Buckets = field(default_factory=lambda: Buckets(1 / 60, 3, time.monotonic))
    """Lines of the log by whom they are about."""


@dataclass(slots=True)
class Desk:
    """The parts. `clock` gives microseconds since the epoch; `packets` is where slices are kept."""

    writer: GroupWriter
    dead_letters: DeadLetters
    directory: Directory
    sessions: sessionmaker[Session]
    authority: Authority
    clock: Callable[[], int]
    packets: Path
    updates: Updates
    activity: Activity = field(default_factory=Activity)
    counters: Counters = field(default_factory=Counters)
    limits: Limits = field(default_factory=Limits)
    streams: Streams = field(default_factory=Streams)
    calls: Calls = field(init=False)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.calls = Calls(wanted_in(self.sessions))

    @asynccontextmanager
    async def body(self, scope: Scope, receive: Receive, most: int) -> AsyncIterator[bytes]:
        """Read a body, which counts among those that wait for as long as it is worked on."""
        length = declared_length(scope, most)
        reserved = most if length is None else length
        if self.waiting + reserved > MAX_WAITING:
            raise Refused(503, "too many batches at once", BUSY_WAIT)
        self.waiting += reserved
        try:
            yield await read_body(receive, most, BODY_SECONDS)
        finally:
            self.waiting -= reserved

    def hold(self, peer: Peer, reason: Reason) -> None:
        """Take nothing more under a certificate until a person has decided."""
        with writing(self.sessions) as session:
            if hold(session, peer.id, reason, self.clock()):
                log.warning("agent_quarantined", agent=peer.id, reason=reason.value)

    def agents_only(self, peer: Peer) -> None:
        """Refuse the importer, which only sends batches."""
        if self.directory.is_importer(peer):
            raise Refused(403, "the importer only sends batches")


def within(buckets: Buckets, name: str) -> None:
    """Refuse what comes too often."""
    wait = buckets.take(name)
    if wait:
        raise Refused(429, "too many requests", int(wait) + 1)


async def json_of(scope: Scope, receive: Receive) -> dict[str, object]:
    """Return the JSON object of a request; refuses everything else."""
    declared_length(scope, MAX_JSON)
    return parse_object(await read_body(receive, MAX_JSON, BODY_SECONDS))


def address_of(scope: Scope) -> str:
    """Return where a request comes from."""
    client = scope.get("client")
    return str(client[0])[:64] if client else ""
