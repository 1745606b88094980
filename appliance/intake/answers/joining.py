"""A station's coming in: its package, its certificate, and the next one."""

from __future__ import annotations

import asyncio

import structlog

from appliance.clock import rfc3339
from appliance.intake.desk import Desk, address_of, json_of, within
from appliance.intake.enrolment import EnrolRefused, Facts, enrol, may_download, renew
from appliance.intake.identity import Peer
from appliance.intake.reading import text_of
from appliance.intake.replies import Receive, Refused, Reply, Scope
from appliance.packages.shelf import Kind, latest
from appliance.pki import CsrError
from appliance.state.database import writing
from appliance.stations.collecting import policy_for, signed_policy
from appliance.stations.quarantine import Reason

log = structlog.get_logger()


async def package(desk: Desk, scope: Scope, key: str) -> Reply:
    """Give the Linux package to whom an enrolment token has been given."""
    within(desk.limits.enrolments, address_of(scope))
    return await asyncio.to_thread(_package, desk, key)


def _package(desk: Desk, key: str) -> Reply:
    with desk.sessions() as session:
        if not may_download(session, key, desk.clock()):
            raise Refused(403, "the enrolment token is used up or has expired")
    found = latest(desk.updates.folder, Kind.DEB)
    if found is None:
        raise Refused(404, "there is no package")
    return Reply(200, found.path.read_bytes(), media=b"application/vnd.debian.binary-package")


async def enrolment(desk: Desk, scope: Scope, receive: Receive) -> Reply:
    """Give a certificate for an enrolment token, with what the station may send."""
    address = address_of(scope)
    within(desk.limits.enrolments, address)
    value = await json_of(scope, receive)
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
    return await asyncio.to_thread(_enrolled, desk, secret, csr.encode("utf-8", "replace"), facts)


def _enrolled(desk: Desk, secret: str, csr: bytes, facts: Facts) -> Reply:
    try:
        with writing(desk.sessions) as session:
            made = enrol(session, desk.authority, secret, csr, facts=facts, now=desk.clock())
            policy = signed_policy(desk.authority, policy_for(session, made.agent_id, 0, desk.clock()))
    except EnrolRefused as error:
        log.warning("enrol_refused", address=facts.address, reason=str(error))
        raise Refused(403, str(error)) from error
    except CsrError as error:
        raise Refused(400, str(error)) from error
    log.info("agent_enrolled", agent=made.agent_id, hostname=facts.hostname, address=facts.address)
    issued = {"certificate": made.issued.pem, "expires_at": made.issued.expires_at}
    return Reply(200, {"agent_id": made.agent_id, **issued, "ca": desk.authority.pem.decode("ascii"), **policy})


async def renewal(desk: Desk, peer: Peer, scope: Scope, receive: Receive) -> Reply:
    """Give the next certificate; under one that has ended nothing is taken until a person has decided."""
    within(desk.limits.heartbeats, peer.id)
    desk.agents_only(peer)
    csr = (await json_of(scope, receive)).get("csr")
    if not isinstance(csr, str):
        raise Refused(400, "csr is needed")
    return await asyncio.to_thread(_renewed, desk, peer, csr.encode("utf-8", "replace"))


def _renewed(desk: Desk, peer: Peer, csr: bytes) -> Reply:
    try:
        with desk.sessions() as session:
            issued = renew(session, desk.authority, peer.id, csr, desk.clock())
    except CsrError as error:
        raise Refused(400, str(error)) from error
    log.info("certificate_renewed", agent=peer.id, expires=rfc3339(issued.expires_at))
    if peer.expires_at <= desk.clock():
        # After so long nobody knows in whose hands the key was.
        desk.hold(peer, Reason.EXPIRED)
    return Reply(200, {"certificate": issued.pem, "expires_at": issued.expires_at})
