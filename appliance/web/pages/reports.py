"""Reports `/raporty`: the list, making a month's report, its file."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.language import dates
from appliance.ops.operations import record
from appliance.report import service
from appliance.report.month import MonthError
from appliance.report.service import Sources
from appliance.state.database import writing
from appliance.state.models import Report
from appliance.web.api.common import Number
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.door import known_language
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.REPORTS_READ))]
Maker = Annotated[Principal, Depends(require(Permission.REPORTS_MAKE))]
MONTHS = 24


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, fault: str = "") -> Response:
    with context.sessions() as session:
        made = service.list_reports(session)
    local = dates.local(context.now())
    last = local.year * 12 + local.month - 1
    months = [f"{number // 12}-{number % 12 + 1:02}" for number in range(last, last - MONTHS, -1)]
    return page(
        request, context, who, "reports", "reports.html", status=status, fault=fault, reports=made, months=months
    )


@router.get("/raporty")
def reports(request: Request, context: Box, who: Reader) -> Response:
    """List the reports."""
    return _page(request, context, who)


@router.post("/raporty")
def make(
    request: Request,
    context: Box,
    who: Maker,
    month: Annotated[str, Form(max_length=7)],
    language: Annotated[str, Form(max_length=2)] = "pl",
) -> Response:
    """Make the report of a month."""
    now = context.now()
    try:
        with context.sessions.begin() as session:
            sources = Sources(session, context.store, context.dead_letters, context.settings, now, context.home)
            service.make_month(sources, month, known_language(language), who.who)
    except MonthError:
        return _page(request, context, who, status=422, fault=catalogue().text("reports.bad_month", who.language))
    with writing(context.sessions) as session:
        record(session, who.who, "report.made", month, now, language=language)
    return back_to("/raporty", "report")


@router.get("/raporty/{number}.pdf")
def download(context: Box, who: Reader, number: Number) -> Response:
    """Return a report's file."""
    with context.sessions() as session:
        report = session.get(Report, number)
    if report is None:
        raise Problem(404, "not_found")
    name = f"czujka-raport-{report.month}-{report.language}.pdf"
    return Response(
        report.pdf, media_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
