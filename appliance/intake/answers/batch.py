"""A batch of records: framed, chained, and in the journal before it is answered."""

from __future__ import annotations

import asyncio
from hashlib import blake2b

import structlog

from agent.wire.chain import CHAIN_HEADER
from agent.wire.clocks import CLOCK_HEADER, parse_measured
from agent.wire.envelope import KEY_HEADER, SENT_HEADER, EnvelopeError
from agent.wire.limits import MAX_BODY
from appliance.intake.chain import FORKS, counted
from appliance.intake.desk import Desk, within
from appliance.intake.identity import Peer
from appliance.intake.reading import batch_key, header, sent_at
from appliance.intake.replies import Receive, Refused, Reply, Scope
from appliance.journal import Break, DeadLetter, NewBatch
from appliance.stations.quarantine import Reason

KEPT_OF_REFUSED = 4096
log = structlog.get_logger()


async def answer(desk: Desk, peer: Peer, scope: Scope, receive: Receive) -> Reply:
    """Take a batch; its reply says that it is on disk."""
    within(desk.limits.batches, peer.id)
    key = batch_key(header(scope, KEY_HEADER))
    sent = sent_at(header(scope, SENT_HEADER))
    async with desk.body(scope, receive, MAX_BODY) as body:
        reply = await _append(desk, peer, (key, header(scope, CHAIN_HEADER), sent), body)
    measured = parse_measured(header(scope, CLOCK_HEADER))
    if measured is not None and not desk.directory.is_importer(peer):
        desk.activity.clock(peer.id, measured, desk.clock())
    return reply


async def _append(desk: Desk, peer: Peer, told: tuple[str, str | None, int | None], body: bytes) -> Reply:
    """Write a batch; `told` is its key, its chain, and when it was sent."""
    key, chain, sent = told
    try:
        records, claim = await asyncio.to_thread(counted, body, key, chain)
    except EnvelopeError as error:
        await asyncio.to_thread(_bury, desk, peer, key, body, str(error))
        raise Refused(400, str(error)) from error
    if not desk.directory.is_importer(peer) and desk.streams.two(peer.id, key):
        await asyncio.to_thread(desk.hold, peer, Reason.TWO_MACHINES)
        raise Refused(403, "two machines send under this certificate; a person decides")
    moment = desk.clock()
    batch = NewBatch(peer.id, key, moment, sent, records, body, claim, peer.hostname)
    appended = await asyncio.wrap_future(desk.writer.submit(batch))
    if appended.broken:
        await asyncio.to_thread(_broken, desk, peer, appended.broken)
    _note(desk, peer, records, moment, duplicate=appended.duplicate)
    return Reply(200, {"records": records, "duplicate": appended.duplicate})


def _broken(desk: Desk, peer: Peer, broken: Break) -> None:
    """Tell the log of a broken chain; one that forks again and again is that of two machines."""
    log.warning("chain_broken", agent=peer.id, hostname=peer.hostname, fault=broken.fault.value)
    if broken.fault in FORKS and desk.limits.forks.take(peer.id):
        desk.hold(peer, Reason.TWO_MACHINES)


def _bury(desk: Desk, peer: Peer, key: str, body: bytes, reason: str) -> None:
    """Keep what of a batch can be kept; it has no place in the journal, so its key makes one below zero."""
    digest = blake2b(f"{peer.id}\0{key}".encode(), digest_size=7).digest()
    place = -int.from_bytes(digest, "big")
    letter = DeadLetter(peer.id, place, 0, f"batch {key}: {reason}", body[:KEPT_OF_REFUSED], desk.clock())
    desk.dead_letters.add([letter])


def _note(desk: Desk, peer: Peer, records: int, moment: int, *, duplicate: bool) -> None:
    counters = desk.counters
    counters.batches += 1
    counters.duplicates += duplicate
    new = 0 if duplicate else records
    counters.records += new
    if not desk.directory.is_importer(peer):
        desk.activity.note(peer.id, new, moment)
