"""Releases of rules `/wydania`, and the rules that were stopped."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request, Response

from appliance.rulesets.budget import resume
from appliance.rulesets.shelf import ShelfDamaged
from appliance.state.database import writing
from appliance.web.api.rulesets import go_back, versions
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.RULES_READ))]
Manager = Annotated[Principal, Depends(require(Permission.RULES_MANAGE))]


@router.get("/wydania")
def releases(request: Request, context: Box, who: Reader) -> Response:
    """List the installed releases, and where the office's own rules and its policy lie."""
    fault = ""
    try:
        rows = versions(context)
    except ShelfDamaged as error:
        rows, fault = [], text_of("rules_damaged", who.language, {"fault": error})
    values: dict[str, Any] = {"rows": rows, "own": str(context.home.rules), "policy": str(context.home.policy)}
    return page(request, context, who, "rules", "releases.html", fault=fault, **values)


@router.post("/wydania/cofnij")
def roll_back(context: Box, who: Manager, name: Annotated[str, Form(min_length=1, max_length=40)]) -> Response:
    """Go back to the version before."""
    go_back(context, who, name)
    return back_to("/wydania", "rolled_back")


@router.post("/reguly/{rule_id}/wlacz")
def switch_on(context: Box, who: Manager, rule_id: Annotated[str, Path(min_length=1, max_length=64)]) -> Response:
    """Let a rule work again that was stopped because it cost too much."""
    with writing(context.sessions) as session:
        if not resume(session, rule_id, who.who, context.now()):
            raise Problem(409, "rule_not_stopped")
    return back_to(f"/reguly/{rule_id}", "rule_resumed")
