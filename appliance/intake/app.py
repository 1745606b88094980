"""The gateway's ASGI app: who may send what, within which bounds.

Records are framed, never read: what is inside them, their depth included, is the normaliser's to judge, where a bad
one costs itself and not its batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from agent.wire.chain import CHAIN_HEADER
from agent.wire.clocks import CLOCK_HEADER, parse_measured
from agent.wire.commands import REFRESH
from agent.wire.envelope import (
    BATCH_PATH,
    ENROL_PATH,
    HEARTBEAT_PATH,
    KEY_HEADER,
    RENEW_PATH,
    SENT_HEADER,
    SLICE_PATH,
    UPDATE_PATH,
    WAIT_PATH,
    EnvelopeError,
)
from agent.wire.limits import MAX_BODY, MAX_COMMANDS, MAX_SLICE
from appliance.clock import DAY, rfc3339
from appliance.intake.activity import Activity
from appliance.intake.calls import Calls, wanted_in
from appliance.intake.chain import FORKS, counted
from appliance.intake.enrolment import PACKAGE_PATH, EnrolRefused, Facts, enrol, may_download, renew
from appliance.intake.heartbeat import Heartbeat, parse_heartbeat, save_heartbeat
from appliance.intake.identity import Directory, Peer
from appliance.intake.protocol import PEER
from appliance.intake.rates import Buckets
from appliance.intake.reading import (
    MAX_JSON,
    batch_key,
    declared_length,
    header,
    parse_object,
    read_body,
    sent_at,
    text_of,
)
from appliance.intake.replies import Gone, Receive, Refused, Reply, Scope, Send
from appliance.intake.slices import answered, take
from appliance.intake.streams import Streams
from appliance.intake.updates import Updates
from appliance.intake.writer import GroupWriter
from appliance.journal import Break, DeadLetter, DeadLetters, JournalFull, JournalUnavailable, NewBatch
from appliance.packages.shelf import Kind, latest
from appliance.pki import Authority, CsrError
from appliance.slices.asked import waiting_for
from appliance.slices.orders import order, orders
from appliance.state.database import writing
from appliance.stations.asked import ask, orders_for, told
from appliance.stations.collecting import policy_answer, policy_for, signed_policy
from appliance.stations.quarantine import Reason, hold
from appliance.stations.sink import refresh_wanted
from appliance.updates import rollouts

CA_PATH = "/v1/ca"
BODY_SECONDS = 60.0
GRACE = 180 * DAY
"""How long after its end a certificate can be renewed, for a laptop that lay in a drawer; a person then decides."""
MAX_WAITING = 64 << 20
"""Bytes of batch bodies that may be in memory at once; past it senders are asked to wait."""
FULL_WAIT, FAULT_WAIT, BUSY_WAIT = 30, 10, 1
KEPT_OF_REFUSED = 4096
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
class Gateway:
    """The app and its parts. `clock` gives microseconds since the epoch; `packets` is where slices are kept."""

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._answer(scope, receive)
        except Gone:
            return
        except Refused as refused:
            self.counters.refused += 1
            self._tell(scope, refused)
            reply = refused.reply()
        except JournalFull:
            reply = Refused(503, "the journal is full", FULL_WAIT).reply()
        except (JournalUnavailable, DBAPIError) as error:
            log.warning("cannot_write", reason=str(error))
            reply = Refused(503, "the box cannot write now", FAULT_WAIT).reply()
        except Exception:
            log.exception("request_failed", path=scope["path"])
            reply = Refused(500, "the box failed on this request").reply()
        await reply.timed(self.clock()).send(send)

    def certificate_refused(self, reason: str) -> None:
        """Count and tell a handshake that ended with a client's certificate."""
        self.counters.refused += 1
        if not self.limits.lines.take("handshake"):
            log.warning("certificate_refused", reason=reason)

    def _tell(self, scope: Scope, refused: Refused) -> None:
        """Tell of who may not come in; without an end to the tries, not of each."""
        peer: Peer | None = scope["state"].get(PEER)
        address = _address(scope)
        if refused.status in (401, 403) and not self.limits.lines.take(peer.id if peer else address):
            agent = peer.id if peer else None
            log.warning("request_refused", agent=agent, address=address, status=refused.status, reason=str(refused))

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        path, method = scope["path"], scope["method"]
        if path == CA_PATH and method == "GET":
            return Reply(200, self.authority.pem, media=b"application/x-pem-file")
        if path == ENROL_PATH and method == "POST":
            return await self._enrol(scope, receive)
        if path.startswith(PACKAGE_PATH) and method == "GET":
            _take(self.limits.enrolments, _address(scope))
            return await asyncio.to_thread(self._package, path.removeprefix(PACKAGE_PATH))
        peer = await self._authenticated(scope)
        handler = ROUTES.get(path)
        if handler is None:
            raise Refused(404, "there is nothing here")
        if method != "POST":
            raise Refused(405, "only POST is taken here")
        return await handler(self, peer, scope, receive)

    def _package(self, key: str) -> Reply:
        with self.sessions() as session:
            if not may_download(session, key, self.clock()):
                raise Refused(403, "the enrolment token is used up or has expired")
        package = latest(self.updates.folder, Kind.DEB)
        if package is None:
            raise Refused(404, "there is no package")
        return Reply(200, package.path.read_bytes(), media=b"application/vnd.debian.binary-package")

    async def _authenticated(self, scope: Scope) -> Peer:
        peer: Peer | None = scope["state"].get(PEER)
        if peer is None:
            raise Refused(401, "a client certificate of this box is needed")
        over = self.clock() - peer.expires_at
        if over >= 0 and (scope["path"] != RENEW_PATH or over > GRACE):
            raise Refused(403, "this certificate has expired")
        return await asyncio.to_thread(self.directory.check, peer)

    async def _batch(self, peer: Peer, scope: Scope, receive: Receive) -> Reply:
        _take(self.limits.batches, peer.id)
        key = batch_key(header(scope, KEY_HEADER))
        sent = sent_at(header(scope, SENT_HEADER))
        async with self._body(scope, receive, MAX_BODY) as body:
            reply = await self._append(peer, key, header(scope, CHAIN_HEADER), sent, body)
        measured = parse_measured(header(scope, CLOCK_HEADER))
        if measured is not None and not self.directory.is_importer(peer):
            self.activity.clock(peer.id, measured, self.clock())
        return reply

    @asynccontextmanager
    async def _body(self, scope: Scope, receive: Receive, most: int) -> AsyncIterator[bytes]:
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

    async def _append(self, peer: Peer, key: str, chain: str | None, sent: int | None, body: bytes) -> Reply:
        try:
            records, claim = await asyncio.to_thread(counted, body, key, chain)
        except EnvelopeError as error:
            await asyncio.to_thread(self._bury, peer, key, body, str(error))
            raise Refused(400, str(error)) from error
        if not self.directory.is_importer(peer) and self.streams.two(peer.id, key):
            await asyncio.to_thread(self._hold, peer, Reason.TWO_MACHINES)
            raise Refused(403, "two machines send under this certificate; a person decides")
        moment = self.clock()
        batch = NewBatch(peer.id, key, moment, sent, records, body, claim, peer.hostname)
        appended = await asyncio.wrap_future(self.writer.submit(batch))
        if appended.broken:
            await asyncio.to_thread(self._broken, peer, appended.broken)
        self._note(peer, records, moment, duplicate=appended.duplicate)
        return Reply(200, {"records": records, "duplicate": appended.duplicate})

    def _broken(self, peer: Peer, broken: Break) -> None:
        """Tell the log of a broken chain; one that forks again and again is that of two machines."""
        log.warning("chain_broken", agent=peer.id, hostname=peer.hostname, fault=broken.fault.value)
        if broken.fault in FORKS and self.limits.forks.take(peer.id):
            self._hold(peer, Reason.TWO_MACHINES)

    def _hold(self, peer: Peer, reason: Reason) -> None:
        """Take nothing more under a certificate until a person has decided."""
        with writing(self.sessions) as session:
            if hold(session, peer.id, reason, self.clock()):
                log.warning("agent_quarantined", agent=peer.id, reason=reason.value)

    def _bury(self, peer: Peer, key: str, body: bytes, reason: str) -> None:
        """Keep what of a batch can be kept; it has no place in the journal, so its key makes one below zero."""
        digest = blake2b(f"{peer.id}\0{key}".encode(), digest_size=7).digest()
        place = -int.from_bytes(digest, "big")
        letter = DeadLetter(peer.id, place, 0, f"batch {key}: {reason}", body[:KEPT_OF_REFUSED], self.clock())
        self.dead_letters.add([letter])

    def _note(self, peer: Peer, records: int, moment: int, *, duplicate: bool) -> None:
        self.counters.batches += 1
        self.counters.duplicates += duplicate
        new = 0 if duplicate else records
        self.counters.records += new
        if not self.directory.is_importer(peer):
            self.activity.note(peer.id, new, moment)

    async def _enrol(self, scope: Scope, receive: Receive) -> Reply:
        address = _address(scope)
        _take(self.limits.enrolments, address)
        value = await _json(scope, receive)
        facts = Facts(
            hostname=text_of(value, "hostname", 255, needed=True),
            os=text_of(value, "os", 120),
            version=text_of(value, "version", 32),
            address=address,
            machine=text_of(value, "machine", 64),
        )
        secret, csr = value.get("secret"), value.get("csr")
        if not isinstance(secret, str) or not isinstance(csr, str):
            raise Refused(400, "secret and csr are needed")
        return await asyncio.to_thread(self._enrolled, secret, csr.encode("utf-8", "replace"), facts)

    def _enrolled(self, secret: str, csr: bytes, facts: Facts) -> Reply:
        try:
            with writing(self.sessions) as session:
                made = enrol(session, self.authority, secret, csr, facts=facts, now=self.clock())
                policy = signed_policy(self.authority, policy_for(session, made.agent_id, 0, self.clock()))
        except EnrolRefused as error:
            log.warning("enrol_refused", address=facts.address, reason=str(error))
            raise Refused(403, str(error)) from error
        except CsrError as error:
            raise Refused(400, str(error)) from error
        log.info("agent_enrolled", agent=made.agent_id, hostname=facts.hostname, address=facts.address)
        issued = {"certificate": made.issued.pem, "expires_at": made.issued.expires_at}
        return Reply(200, {"agent_id": made.agent_id, **issued, "ca": self.authority.pem.decode("ascii"), **policy})

    async def _renew(self, peer: Peer, scope: Scope, receive: Receive) -> Reply:
        _take(self.limits.heartbeats, peer.id)
        self._agents_only(peer)
        csr = (await _json(scope, receive)).get("csr")
        if not isinstance(csr, str):
            raise Refused(400, "csr is needed")
        return await asyncio.to_thread(self._renewed, peer, csr.encode("utf-8", "replace"))

    def _renewed(self, peer: Peer, csr: bytes) -> Reply:
        try:
            with self.sessions() as session:
                issued = renew(session, self.authority, peer.id, csr, self.clock())
        except CsrError as error:
            raise Refused(400, str(error)) from error
        log.info("certificate_renewed", agent=peer.id, expires=rfc3339(issued.expires_at))
        if peer.expires_at <= self.clock():
            # After so long nobody knows in whose hands the key was.
            self._hold(peer, Reason.EXPIRED)
        return Reply(200, {"certificate": issued.pem, "expires_at": issued.expires_at})

    async def _heartbeat(self, peer: Peer, scope: Scope, receive: Receive) -> Reply:
        _take(self.limits.heartbeats, peer.id)
        self._agents_only(peer)
        heartbeat = parse_heartbeat(await _json(scope, receive))
        measured, moment = parse_measured(header(scope, CLOCK_HEADER)), self.clock()
        heartbeat = replace(heartbeat, measured=measured)
        return Reply(200, await asyncio.to_thread(self._beaten, peer.id, heartbeat, _address(scope), moment))

    def _beaten(self, agent: str, heartbeat: Heartbeat, address: str, moment: int) -> dict[str, object]:
        """Keep a heartbeat; return what is said to its sender."""
        with writing(self.sessions) as session:
            save_heartbeat(session, agent, heartbeat, address, moment)
            told(session, agent, heartbeat.outcomes, moment)
            if heartbeat.update_failed:
                rollouts.note_failure(session, agent, heartbeat.update_failed, moment)
            rollouts.note_wait(session, agent, heartbeat.update_waits, moment)
            if refresh_wanted(session, agent, moment):
                ask(session, "czujka", agent, REFRESH, argument="inventory", now=moment)
            newer = rollouts.commands(session, agent, heartbeat.version, moment)
            wanted = orders_for(session, self.authority, agent, moment)
            waiting = waiting_for(session, agent)
            holds = policy_for(session, agent, heartbeat.policy_number, moment)
        policy = policy_answer(self.authority, holds, heartbeat.policy)
        updates = (order(self.authority, one) for one in newer)
        commands = [*orders(self.authority, waiting), *wanted, *updates][:MAX_COMMANDS]
        return {"time": self.clock(), "commands": commands, **policy}

    async def _slice(self, peer: Peer, scope: Scope, receive: Receive) -> Reply:
        _take(self.limits.heartbeats, peer.id)
        self._agents_only(peer)
        answer = answered(scope)
        async with self._body(scope, receive, MAX_SLICE) as body:
            try:
                await asyncio.to_thread(take, self.sessions, self.packets, peer, answer, body, self.clock())
            except OSError as error:
                log.warning("slice_not_kept", reason=str(error))
                raise Refused(503, "the box cannot write now", FAULT_WAIT) from error
            return Reply(200, {"taken": len(body)})

    async def _update(self, peer: Peer, scope: Scope, receive: Receive) -> Reply:
        _take(self.limits.updates, peer.id)
        self._agents_only(peer)
        asked = await _json(scope, receive)
        return Reply(200, await asyncio.to_thread(self.updates.answer, peer.id, asked, self.clock()))

    async def _wait(self, peer: Peer, scope: Scope, receive: Receive) -> Reply:
        _take(self.limits.heartbeats, peer.id)
        self._agents_only(peer)
        await _json(scope, receive)
        return Reply(200, {"waiting": await self.calls.hold(peer.id, receive)})

    def _agents_only(self, peer: Peer) -> None:
        if self.directory.is_importer(peer):
            raise Refused(403, "the importer only sends batches")


_Handler = Callable[[Gateway, Peer, Scope, Receive], Awaitable[Reply]]
ROUTES: Mapping[str, _Handler] = MappingProxyType(
    {
        BATCH_PATH: Gateway._batch,
        RENEW_PATH: Gateway._renew,
        HEARTBEAT_PATH: Gateway._heartbeat,
        SLICE_PATH: Gateway._slice,
        UPDATE_PATH: Gateway._update,
        WAIT_PATH: Gateway._wait,
    }
)


def _take(buckets: Buckets, name: str) -> None:
    wait = buckets.take(name)
    if wait:
        raise Refused(429, "too many requests", int(wait) + 1)


async def _json(scope: Scope, receive: Receive) -> dict[str, object]:
    declared_length(scope, MAX_JSON)
    return parse_object(await read_body(receive, MAX_JSON, BODY_SECONDS))


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0])[:64] if client else ""
