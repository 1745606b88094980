"""Releases of rules, and rules that were stopped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel

from appliance.ops.operations import record
from appliance.rulesets.budget import resume
from appliance.rulesets.shelf import Installed, Shelf
from appliance.rulesets.taking import rollback
from appliance.state.database import writing
from appliance.web.api.common import Answer, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("rules")
Manager = Annotated[Principal, Depends(require(Permission.RULES_MANAGE))]
ReleaseName = Annotated[str, Path(min_length=1, max_length=40)]


class ReleaseAnswer(Answer):
    """An installed version of a release; `current` says that its rules are in force."""

    id: str
    name: str
    version: str
    licence: str
    licence_url: str
    url: str
    taken_at: int
    rules: int
    faults: int
    current: bool


class RollbackAnswer(BaseModel):
    """The version given up, and the one in force now."""

    gone: str
    now: str | None


@router.get("/rulesets", dependencies=needs(Permission.RULES_READ))
def list_releases(context: Box) -> list[ReleaseAnswer]:
    """Return the installed versions, those in force first."""
    return [ReleaseAnswer(**asdict(one), current=current) for current, one in versions(context)]


@router.post("/rulesets/{name}/rollback")
def roll_back(context: Box, who: Manager, name: ReleaseName) -> RollbackAnswer:
    """Go back to the version before."""
    gone, now = go_back(context, who, name)
    return RollbackAnswer(gone=gone.label, now=now.label if now else None)


@router.post("/rules/{rule_id}/resume", status_code=204)
def resume_rule(context: Box, who: Manager, rule_id: Annotated[str, Path(min_length=1, max_length=64)]) -> None:
    """Let a rule work again that was stopped because it cost too much."""
    with writing(context.sessions) as session:
        if not resume(session, rule_id, who.who, context.now()):
            raise Problem(409, "rule_not_stopped")


def versions(context: Context) -> list[tuple[bool, Installed]]:
    """Return the installed versions, newest first by name, and whether each is in force. Raises ShelfDamaged."""
    shelf = Shelf(context.home.rulesets)
    stacks = sorted(shelf.stacks().items())
    return [(one == stack[-1], shelf.read(one)) for _, stack in stacks for one in reversed(stack)]


def go_back(context: Context, who: Principal, name: str) -> tuple[Installed, Installed | None]:
    """Go back and write it into the audit log. Raises Problem 404, ShelfDamaged."""
    try:
        gone, now = rollback(context.home, name)
    except LookupError as error:
        raise Problem(404, "release_unknown", values={"name": name}) from error
    with writing(context.sessions) as session:
        to = now.label if now else ""
        record(session, who.who, "rules.rolled_back", gone.label, context.now(), id=gone.id, to=to)
    return gone, now
