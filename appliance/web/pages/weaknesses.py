"""Vulnerabilities `/podatnosci`: what is known, on which stations, what mends it, and what may stay until a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.clock import DAY, from_datetime
from appliance.language.dates import WARSAW, local
from appliance.state.models import Agent
from appliance.vulnerabilities import accepted
from appliance.vulnerabilities.accepted import Known, Wish
from appliance.vulnerabilities.feeds import STALE
from appliance.web.api import weaknesses as api
from appliance.web.api.common import Number
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
LISTED = 300
PARTS = ("atak", "naprawa", "przyjete")
USUAL_DAYS = 30
"""For how long a form proposes to accept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address bar says; anything that it does not know counts as not said."""

    text: str = ""
    part: str = ""
    agent: str = ""

    @property
    def is_default(self) -> bool:
        """Say whether nothing was filtered."""
        return self == Asked()

    def takes(self, one: Known) -> bool:
        """Tell whether a weakness is asked for."""
        said = " ".join([one.name, one.title, *one.products]).casefold()
        fits = {"": True, "atak": one.exploited, "naprawa": one.fixable, "przyjete": one.accepted is not None}
        return self.text.casefold() in said and fits[self.part] and (not self.agent or self.agent in one.stations)


def asked(values: Mapping[str, str]) -> Asked:
    """Read a filter from an address."""
    part = values.get("co", "")
    return Asked(
        values.get("tekst", "").strip()[:200], part if part in PARTS else "", values.get("stacja", "").strip()[:36]
    )


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    now, lang, wanted = context.now(), who.language, asked(request.query_params)
    with context.sessions() as session:
        every = accepted.known(session, now)
        matched = accepted.compared(session)
        agent = session.get(Agent, wanted.agent) if wanted.agent else None
    found = [one for one in every if wanted.takes(one)]
    any_part = ("", catalogue().text("stations.any", lang))
    made_at = api.made_at(context)
    shown: dict[str, Any] = {
        "rows": found[:LISTED],
        "total": len(found),
        "cut": len(found) > LISTED,
        "listed": LISTED,
        "asked": wanted,
        "station": agent,
        "parts_of": [any_part, *((name, catalogue().text(f"weak.show.{name}", lang)) for name in PARTS)],
        "matched": matched,
        "made_at": made_at,
        "old": made_at is not None and now - made_at > STALE,
        "acceptances": api.acceptances(context),
        "usual": local(now + USUAL_DAYS * DAY).date().isoformat(),
        "reason_most": accepted.REASON,
    }
    return page(request, context, who, "stations", "weaknesses.html", status=status, **shown | values)


@router.get("/podatnosci")
def weaknesses(request: Request, context: Box, who: Reader) -> Response:
    """Show the known weaknesses that the address asks for."""
    return _page(request, context, who)


@router.post("/podatnosci/przyjmij")
def accept(
    request: Request,
    context: Box,
    who: Manager,
    name: Annotated[str, Form(max_length=64)] = "",
    reason: Annotated[str, Form(max_length=accepted.REASON)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
    agent: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    """Accept a weakness until the end of a day."""
    try:
        api.accept_for(context, who, Wish(name, reason, _end_of(until), agent))
    except Problem as problem:
        return _page(request, context, who, problem.status, fault=text_of(problem.code, who.language, problem.values))
    return back_to("/podatnosci", "weak_accepted")


@router.post("/podatnosci/przyjete/{number}/cofnij")
def withdraw(request: Request, context: Box, who: Manager, number: Number) -> Response:
    """Take an acceptance back."""
    try:
        api.withdraw_for(context, who, number)
    except Problem as problem:
        return _page(request, context, who, problem.status, fault=text_of(problem.code, who.language, problem.values))
    return back_to("/podatnosci", "weak_withdrawn")


def _end_of(day: str) -> int:
    """Return the last moment of a day of the office; 0, which is never in the future, for what is none."""
    try:
        return from_datetime(datetime.combine(date.fromisoformat(day), time(23, 59, 59), WARSAW))
    except (ValueError, OverflowError):
        return 0
