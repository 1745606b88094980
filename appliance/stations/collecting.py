"""What stations may collect: the decisions, what holds for one station, and the policy that is signed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.wire.categories import CATEGORIES
from agent.wire.policy import HIGHEST, Off, Policy, digest, signed_bytes
from appliance.ops.operations import record
from appliance.pki import Authority
from appliance.state.collecting import CollectionSwitch


class UnknownCategory(LookupError):
    """The closed list has no such category."""


@dataclass(frozen=True, slots=True)
class Held:
    """What holds for a category: whether it is collected, by whose decision (empty: nobody's) and since when."""

    collected: bool
    who: str = ""
    at: int = 0
    own: bool = False
    """Decided for this station alone."""


def switch(session: Session, who: str, category: str, collected: bool | None, *, agent: str | None, now: int) -> None:
    """Decide on a category for one station or for all, and write it into the operators' log. Raises UnknownCategory.

    None, for a station, gives it back to what is decided for all.
    """
    if category not in CATEGORIES:
        raise UnknownCategory(category)
    session.add(CollectionSwitch(agent_id=agent, category=category, collected=collected, who=who[:120], at=now))
    record(session, who, "collection.switched", agent or "all", now, category=category, collected=collected)


def holding(session: Session, agent: str | None) -> dict[str, Held]:
    """Return what holds, by category: for one station, or for those that nothing else is decided for."""
    common = _newest(session, None)
    own = _newest(session, agent) if agent is not None else {}
    return {name: _held(own.get(name), common.get(name), default=one.on) for name, one in CATEGORIES.items()}


def stations_apart(session: Session) -> list[str]:
    """Return the stations for which something is decided apart."""
    query = select(CollectionSwitch.agent_id).where(CollectionSwitch.agent_id.is_not(None)).distinct()
    agents = [agent for agent in session.scalars(query) if agent]
    return sorted(
        agent for agent in agents if any(row.collected is not None for row in _newest(session, agent).values())
    )


def off_for(session: Session, agent: str) -> tuple[Off, ...]:
    """Return what is off for a station, as its policy says it."""
    held = holding(session, agent)
    return tuple(sorted(Off(name, one.who, one.at) for name, one in held.items() if not one.collected))


def policy_for(session: Session, agent: str, before: int, now: int) -> Policy:
    """Return the policy that holds for a station which says that it has the number `before`.

    Its own is the next one: so it follows, also after this box was set back to a backup, and whatever its clock said
    before. An old statement, played again, has a number that is too low.
    """
    return Policy(agent, now, off_for(session, agent), min(before, HIGHEST - 2) + 1)


def policy_answer(authority: Authority, policy: Policy, said: str) -> Mapping[str, Mapping[str, str]]:
    """Return what the answer to a heartbeat carries: a signed policy when the station has `said` another's digest."""
    return {} if not said or said == digest(policy.off) else signed_policy(authority, policy)


def signed_policy(authority: Authority, policy: Policy) -> Mapping[str, Mapping[str, str]]:
    """Return the part of an answer that carries a policy, which a new station gets before it collects anything."""
    statement = policy.statement()
    signature = authority.key.sign(signed_bytes(statement), ec.ECDSA(hashes.SHA256()))
    return {"policy": {"statement": statement, "signature": signature.hex()}}


def _newest(session: Session, agent: str | None) -> dict[str, CollectionSwitch]:
    query = select(CollectionSwitch).where(CollectionSwitch.agent_id == agent).order_by(CollectionSwitch.id)
    return {row.category: row for row in session.scalars(query)}


def _held(own: CollectionSwitch | None, common: CollectionSwitch | None, *, default: bool) -> Held:
    if own is not None and own.collected is not None:
        return Held(own.collected, own.who, own.at, own=True)
    if common is not None and common.collected is not None:
        return Held(common.collected, common.who, common.at)
    return Held(default)
