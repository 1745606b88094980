"""How an agent gets its identity: a token carries the box's addresses, the CA's pin and a secret.

Token: `czujka1.` and base64url (unpadded) of the JSON {"u": [address, …], "p": pin, "s": secret}.
"""

from __future__ import annotations

import json
import secrets
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.pki import Authority, Issued, ca_pin, sign_agent
from appliance.pki.agents import csr_key, key_bytes
from appliance.state.models import Agent, AgentState, EnrolToken

PREFIX = "czujka1."
PACKAGE_PATH = "/v1/package/"
"""Followed by a token's download key: where a station that is to enrol gets the package."""


class EnrolRefused(RuntimeError):
    """The secret opens nothing: wrong, expired, used up, or its agent was revoked."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an agent says of its machine; attributes, never identity."""

    hostname: str
    os: str
    version: str
    address: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new agent's UUID and its certificate."""

    agent_id: str
    issued: Issued


def create_enrol_token(session: Session, urls: Sequence[str], ca: bytes, *, uses: int, ttl: int, now: int) -> str:
    """Make a token for `uses` agents, valid for `ttl` microseconds; it cannot be shown again. `ca` is PEM."""
    secret = secrets.token_urlsafe(32)
    session.add(EnrolToken(secret_hash=_hash(secret), created_at=now, expires_at=now + ttl, uses_left=uses))
    session.flush()
    content = json.dumps({"u": list(urls), "p": ca_pin(ca), "s": secret}, separators=(",", ":"))
    return PREFIX + urlsafe_b64encode(content.encode()).rstrip(b"=").decode("ascii")


def download_key(token: str) -> str:
    """Return what lets the holder of a token fetch the package, and shows nothing of the token to who listens."""
    content = json.loads(urlsafe_b64decode(token.removeprefix(PREFIX) + "=="))
    return _download_key(_hash(content["s"]))


def may_download(session: Session, key: str, now: int) -> bool:
    """Say whether a download key is of a token that still opens something."""
    live = select(EnrolToken.secret_hash).where(EnrolToken.expires_at > now, EnrolToken.uses_left > 0)
    return any(secrets.compare_digest(_download_key(one), key) for one in session.scalars(live) if key.isascii())


def enrol(session: Session, ca: Authority, secret: str, csr: bytes, *, facts: Facts, now: int) -> Enrolled:
    """Make an agent of whoever holds the secret, and use the token up by one.

    The same key with the same secret is the same agent, and costs no further use: an agent whose answer was lost
    asks again. Raises EnrolRefused, and CsrError when the request cannot be signed.
    """
    key = key_bytes(csr_key(csr))
    token = session.scalar(select(EnrolToken).where(EnrolToken.secret_hash == _hash(secret)))
    if token is None or token.expires_at <= now:
        raise EnrolRefused("the enrolment token is wrong or has expired")
    agent_id = _identity(token, key)
    agent = session.get(Agent, agent_id)
    if agent is None:
        _use(session, token)
        agent = Agent(id=agent_id, enrolled_at=now, expires_at=0, certificate="", state=AgentState.ACTIVE)
    if agent.state != AgentState.ACTIVE:
        raise EnrolRefused("this agent was revoked")
    issued = sign_agent(ca, csr, agent_id, now=now, after=agent.expires_at or None)
    agent.certificate, agent.expires_at = issued.fingerprint, issued.expires_at
    agent.hostname, agent.os, agent.version, agent.address = facts.hostname, facts.os, facts.version, facts.address
    agent.machine = facts.machine
    session.add(agent)
    return Enrolled(agent_id, issued)


def renew(session: Session, ca: Authority, agent_id: str, csr: bytes, now: int) -> Issued:
    """Sign an agent's next certificate; it comes into force when it is first used. Raises CsrError."""
    agent = session.get_one(Agent, agent_id)
    return sign_agent(ca, csr, agent_id, now=now, after=agent.expires_at)


def _use(session: Session, token: EnrolToken) -> None:
    # One statement decides, so that two agents cannot both take the last use.
    taken = session.execute(
        update(EnrolToken)
        .where(EnrolToken.id == token.id, EnrolToken.uses_left > 0)
        .values(uses_left=EnrolToken.uses_left - 1)
        .execution_options(synchronize_session=False)
        .returning(EnrolToken.id)
    ).all()
    if not taken:
        raise EnrolRefused("the enrolment token is used up")


def _identity(token: EnrolToken, key: bytes) -> str:
    digest = blake2b(token.secret_hash.encode() + key, digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def _download_key(secret_hash: str) -> str:
    return blake2b(secret_hash.encode(), digest_size=16, person=b"czujka package").hexdigest()


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
