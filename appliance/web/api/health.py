"""Whether the box works, what it lost, and one picture of everything."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Response
from pydantic import BaseModel

from appliance.clock import DAY
from appliance.ops.health import health, snapshot
from appliance.ops.losses import losses
from appliance.web.api.common import Answer, Moment, Name, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.policy import Permission

router = api_router("health")
Anybody = Annotated[Principal, Depends(require(Permission.PUBLIC))]


class RoleAnswer(Answer):
    """A process of the box."""

    role: str
    alive: bool
    beat_at: int | None


class HealthAnswer(BaseModel):
    """`status` is `ok` or `failing`; the rest is for who may see it, otherwise absent."""

    status: str
    faults: list[str] | None = None
    roles: list[RoleAnswer] | None = None


class LossAnswer(Answer):
    """Lost events of a host in an hour for a cause; 0 where only the gap is known, not its size."""

    host: str
    hour: int
    cause: str
    count: int


@router.get(
    "/health", response_model_exclude_none=True, responses={503: {"model": HealthAnswer, "description": "Failing."}}
)
def get_health(context: Box, who: Anybody, response: Response) -> HealthAnswer:
    """Return 200 when every role lives and state, store and journal answer, otherwise 503."""
    found = health(context)
    response.status_code = 200 if found.ok else 503
    answer = HealthAnswer(status="ok" if found.ok else "failing")
    if who.may(Permission.HEALTH_READ):
        answer.faults = list(found.faults)
        answer.roles = [RoleAnswer.model_validate(role) for role in found.roles]
    return answer


@router.get("/status", dependencies=needs(Permission.HEALTH_READ))
def get_status(
    context: Box,
) -> dict[str, Any]:
    """Return roles, agents, lag, counts, losses, dead letters, depths and sizes."""
    return snapshot(context)


@router.get("/losses", dependencies=needs(Permission.HEALTH_READ))
def get_losses(
    context: Box,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
    host: Name = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> list[LossAnswer]:
    """Return the loss ledger of a time (the last 30 days when none is given), newest hour first."""
    end = context.now() + DAY if until is None else until
    start = end - 31 * DAY if since is None else since
    with context.sessions() as session:
        return [LossAnswer.model_validate(row) for row in losses(session, start, end, limit, host)]
