"""What stations have and how they are set up: inventory, changes, settings, weaknesses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.wire.inventory import MAX_KEY, SECTIONS
from appliance.state.models import Agent
from appliance.state.stations import StationMatched, StationSection, StationWeakness
from appliance.stations import look
from appliance.web.api.agents import AgentId
from appliance.web.api.common import After, Answer, Limit, Page, api_router
from appliance.web.auth import needs
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("stations")
SectionName = Annotated[str, Path(pattern=f"^({'|'.join(SECTIONS)})$")]
Key = Annotated[str | None, Query(max_length=MAX_KEY, description="`next` of the page before.")]
READ = needs(Permission.AGENTS_READ)


class SectionAnswer(Answer):
    """A section of the inventory; `agrees` tells whether the box has what the agent has. Times in microseconds.

    `problem` says why the items may not be what the station has now: the agent could not look, or (`stale`) has not
    spoken of them for two days.
    """

    name: str
    count: int
    revision: int | None
    told_at: int | None
    agrees: bool
    refused: int
    problem: str


class SectionList(BaseModel):
    """Every section that the station has told of."""

    items: list[SectionAnswer]


class ItemAnswer(Answer):
    """One thing that a station has; `fields` are named as in events."""

    section: str
    key: str
    fields: dict[str, Any]
    first_seen: int
    changed_at: int
    revision: int


class ChangeAnswer(Answer):
    """A change: `new`, `changed` (only the fields that differ) or `gone`."""

    id: int
    at: int
    section: str
    key: str
    what: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class FindingAnswer(Answer):
    """A checked setting: `pass`, `fail` or `unknown`, since when, and why.

    What the station has not confirmed for two days is `unknown`, reason `stale`; `told` is what it said last.
    """

    name: str
    result: str
    reason: str
    value: str
    since: int
    seen_at: int
    told: str


class FindingList(BaseModel):
    """Every setting that the station has told of."""

    items: list[FindingAnswer]


class StationWeaknessAnswer(Answer):
    """A known weakness of something that a station has."""

    name: str
    source: str
    product: str
    version: str
    fixed: str
    title: str
    severity: str
    exploited: bool
    since: int


class StationWeaknessList(BaseModel):
    """Every known weakness, those used in attacks first.

    Only where `judged` is true nothing found means that nothing is known; else `reason` says why not, and `detail` of
    what. `reason` is empty where the station was never compared.
    """

    judged: bool
    reason: str
    detail: str
    items: list[StationWeaknessAnswer]


@router.get("/agents/{agent_id}/inventory", dependencies=READ)
def list_sections(context: Box, agent_id: AgentId) -> SectionList:
    """Return the sections of a station's inventory."""
    with context.sessions() as session:
        _known(session, agent_id)
        return SectionList(items=[_section(one) for one in look.sections(session, agent_id, context.now())])


@router.get("/agents/{agent_id}/inventory/{section}", dependencies=READ)
def list_items(
    context: Box,
    agent_id: AgentId,
    section: SectionName,
    text: Annotated[str, Query(max_length=200)] = "",
    after: Key = None,
    limit: Limit = 200,
) -> Page[ItemAnswer]:
    """Return what a station has of a section, by key."""
    with context.sessions() as session:
        _known(session, agent_id)
        found, following = look.items(session, agent_id, section, text=text, after=after, limit=limit)
        return Page(items=[ItemAnswer.model_validate(row) for row in found], next=following)


@router.get("/agents/{agent_id}/changes", dependencies=READ)
def list_changes(context: Box, agent_id: AgentId, after: After = None, limit: Limit = 100) -> Page[ChangeAnswer]:
    """Return what changed in a station's inventory and settings, newest first."""
    with context.sessions() as session:
        _known(session, agent_id)
        found, following = look.changes(session, agent_id, after, limit)
        return Page(items=[ChangeAnswer.model_validate(row) for row in found], next=following)


@router.get("/agents/{agent_id}/posture", dependencies=READ)
def list_findings(context: Box, agent_id: AgentId) -> FindingList:
    """Return what a station says of its settings."""
    with context.sessions() as session:
        _known(session, agent_id)
        rows = look.findings(session, agent_id, context.now())
        return FindingList(items=[FindingAnswer.model_validate(row) for row in rows])


@router.get("/agents/{agent_id}/weaknesses", dependencies=READ)
def list_weaknesses(context: Box, agent_id: AgentId) -> StationWeaknessList:
    """Return the known weaknesses of what a station has."""
    row = StationWeakness
    query = select(row).where(row.agent_id == agent_id, row.gone_at.is_(None))
    with context.sessions() as session:
        _known(session, agent_id)
        rows = session.scalars(query.order_by(row.exploited.desc(), row.name, row.product))
        items = [StationWeaknessAnswer.model_validate(one) for one in rows]
        matched = session.get(StationMatched, agent_id)
    if matched is None:
        return StationWeaknessList(judged=False, reason="", detail="", items=items)
    return StationWeaknessList(judged=matched.judged, reason=matched.reason, detail=matched.detail, items=items)


def _known(session: Session, agent_id: str) -> None:
    if session.get(Agent, agent_id) is None:
        raise Problem(404, "agent_unknown")


def _section(one: look.SectionLook) -> SectionAnswer:
    told: StationSection | None = one.told
    return SectionAnswer(
        name=one.name,
        count=one.count,
        revision=told.revision if told else None,
        told_at=told.told_at if told else None,
        agrees=bool(told and told.agrees),
        refused=told.refused if told else 0,
        problem=one.problem,
    )
