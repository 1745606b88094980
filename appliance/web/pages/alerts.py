"""The list of alerts `/alerty`: live, filtered by its address, paged by key."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from appliance.alerts.cursor import BadCursor
from appliance.alerts.service import AlertPage, count_alerts, found_later, list_alerts, owners
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.explaining import content_of
from appliance.web.pages.cardview import own_title
from appliance.web.pages.render import render
from appliance.web.pages.shell import page, shell
from appliance.web.pages.views.alerts import SPANS, STATES, ListFilter, alert_row, list_filter
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
PAGE = 50


def _values(request: Request, context: Context, language: str) -> dict[str, Any]:
    wanted = list_filter(request.query_params)
    after = request.query_params.get("po", "")[:200]
    now = context.now()
    with context.sessions() as session:
        found = _page(context, wanted, after)
        total = count_alerts(session, wanted.wanted(now))
        people, hunts = owners(session, found.items), found_later(session, found.items)
    rule = content_of(context, wanted.rule) if wanted.rule else None
    return {
        "filter": wanted,
        "rows": [alert_row(alert, people, own_title(alert.rule_id, language), hunts) for alert in found.items],
        "total": total,
        "older": wanted.address(po=found.next) if found.next else "",
        "after": after,
        "states": STATES,
        "spans": tuple(SPANS),
        "rule_title": own_title(wanted.rule, language) or (rule.title if rule else wanted.rule),
    }


def _page(context: Context, wanted: ListFilter, after: str) -> AlertPage:
    with context.sessions() as session:
        try:
            return list_alerts(session, wanted.wanted(context.now()), after or None, PAGE)
        except BadCursor:
            return list_alerts(session, wanted.wanted(context.now()), None, PAGE)


@router.get("/alerty")
def alerts(request: Request, context: Box, who: Reader) -> Response:
    """Show the alerts that the address asks for, newest first."""
    return page(request, context, who, "alerts", "alerts.html", **_values(request, context, who.language))


@router.get("/alerty/na-zywo")
def live(request: Request, context: Box, who: Reader) -> Response:
    """Return the list alone, for the live page."""
    frame = shell(request, context, who, "alerts")
    return HTMLResponse(
        render("alerts_live.html", who.language, frame.now, {"shell": frame, **_values(request, context, who.language)})
    )
