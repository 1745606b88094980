"""What waits for a person's decision: stations that are held, and stations that may be one machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from appliance.state.database import writing
from appliance.stations import quarantine, replacing
from appliance.stations.quarantine import Reason
from appliance.stations.replacing import Mark
from appliance.web.api.agents import AgentAnswer, AgentId
from appliance.web.api.common import api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("decisions")
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
Decide = Callable[[Session, str, str, str, int], replacing.Offer]


class HeldAnswer(BaseModel):
    """A station of which nothing is taken until somebody decides: `release` it, or revoke it."""

    agent: AgentAnswer
    reason: Reason


class ReplacementAnswer(BaseModel):
    """Two stations that may be one machine, by their common marks; `differs` when their serial numbers do."""

    old: AgentAnswer
    new: AgentAnswer
    marks: list[Mark]
    differs: bool


class DecisionList(BaseModel):
    """Everything that waits."""

    held: list[HeldAnswer]
    replacements: list[ReplacementAnswer]


class PairBody(BaseModel):
    """The station that the machine is now."""

    new: str = Field(pattern="^[0-9a-f-]{36}$")


@router.get("/station-decisions", dependencies=needs(Permission.AGENTS_READ))
def list_decisions(context: Box) -> DecisionList:
    """Return what waits for a decision."""
    with context.sessions() as session:
        held = [
            HeldAnswer(agent=AgentAnswer.model_validate(agent), reason=reason)
            for agent, reason in quarantine.held(session)
        ]
        return DecisionList(held=held, replacements=[_replacement(one) for one in replacing.offers(session)])


@router.post("/agents/{agent_id}/release")
def release(context: Box, who: Manager, agent_id: AgentId) -> AgentAnswer:
    """Take the events of a held station again."""
    with writing(context.sessions) as session:
        try:
            return AgentAnswer.model_validate(quarantine.release(session, who.who, agent_id, context.now()))
        except quarantine.NotHeld as error:
            raise Problem(404, "agent_unknown") from error


@router.post("/agents/{agent_id}/replace")
def replace(context: Box, who: Manager, agent_id: AgentId, body: PairBody) -> ReplacementAnswer:
    """Retire a station whose machine has enrolled again; its history stays and points to the new one."""
    return _decided(replacing.replace, context, who.who, agent_id, body.new)


@router.post("/agents/{agent_id}/keep-both")
def keep_both(context: Box, who: Manager, agent_id: AgentId, body: PairBody) -> ReplacementAnswer:
    """Let both stations stand, for they are two machines."""
    return _decided(replacing.keep_both, context, who.who, agent_id, body.new)


def _decided(decide: Decide, context: Box, who: str, old: str, new: str) -> ReplacementAnswer:
    with writing(context.sessions) as session:
        try:
            return _replacement(decide(session, who, old, new, context.now()))
        except replacing.NotOffered as error:
            raise Problem(404, "pair_unknown") from error


def _replacement(offer: replacing.Offer) -> ReplacementAnswer:
    old, new = (AgentAnswer.model_validate(one) for one in (offer.old, offer.new))
    return ReplacementAnswer(old=old, new=new, marks=list(offer.marks), differs=offer.differs)
