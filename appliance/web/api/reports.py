"""Reports: the list, making a month's report, its data and its file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Response
from pydantic import BaseModel, Field

from appliance.ops.operations import record
from appliance.report.month import MonthError
from appliance.report.service import Sources, list_reports, make_month
from appliance.state.database import writing
from appliance.state.models import Report
from appliance.web.api.common import Answer, Number, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("reports")
Maker = Annotated[Principal, Depends(require(Permission.REPORTS_MAKE))]


class ReportAnswer(Answer):
    """A report that was made; `made_at` in microseconds."""

    id: int
    kind: str
    month: str
    language: str
    made_at: int
    made_by: str


class ReportWhole(ReportAnswer):
    """A report with the data that its document was made of."""

    data: dict[str, Any]


class ReportWanted(BaseModel):
    """The report to make; `month` is YYYY-MM in Europe/Warsaw."""

    kind: Literal["month"] = "month"
    month: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")
    language: Literal["pl", "en"] = "pl"


@router.get("/reports", dependencies=needs(Permission.REPORTS_READ))
def get_reports(context: Box) -> list[ReportAnswer]:
    """Return the newest reports."""
    with context.sessions() as session:
        return [ReportAnswer.model_validate(report) for report in list_reports(session)]


@router.post("/reports", status_code=201)
def make_report(context: Box, who: Maker, wanted: ReportWanted) -> ReportAnswer:
    """Make a report and keep it."""
    now = context.now()
    try:
        with writing(context.sessions) as session:
            sources = Sources(session, context.store, context.dead_letters, context.settings, now, context.home)
            report = make_month(sources, wanted.month, wanted.language, who.who)
            record(session, who.who, "report.made", wanted.month, now, language=wanted.language)
            return ReportAnswer.model_validate(report)
    except MonthError as error:
        raise Problem(422, "month_unknown", values={"month": wanted.month}) from error


@router.get("/reports/{report_id}", dependencies=needs(Permission.REPORTS_READ))
def get_report(context: Box, report_id: Number) -> ReportWhole:
    """Return a report with its data."""
    return ReportWhole.model_validate(_report(context, report_id))


@router.get(
    "/reports/{report_id}/pdf",
    dependencies=needs(Permission.REPORTS_READ),
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "The report's file."}},
)
def get_pdf(context: Box, report_id: Number) -> Response:
    """Return a report's file."""
    report = _report(context, report_id)
    name = f"czujka-{report.kind}-{report.month}-{report.language}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(report.pdf, media_type="application/pdf", headers=headers)


def _report(context: Box, report_id: int) -> Report:
    with context.sessions() as session:
        report = session.get(Report, report_id)
        if report is None:
            raise Problem(404, "not_found")
        return report
