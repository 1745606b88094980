"""The console's pages. `routers` are what the app includes; `install` gives it assets and the error page."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers

from appliance.web.auth import Principal, identify
from appliance.web.context import context_of
from appliance.web.pages import (
    account,
    alert,
    alert_acts,
    alerts,
    collecting,
    coverage,
    decisions,
    door,
    events,
    evidence,
    exceptions,
    health,
    hunts,
    indicators,
    installing,
    packets,
    process_tree,
    pulpit,
    pulse,
    releases,
    reports,
    rollouts,
    rules,
    searches,
    station,
    stations,
    store,
    weaknesses,
)
from appliance.web.pages.render import STATIC, STATIC_URL, catalogue
from appliance.web.pages.shell import own_path, page
from appliance.web.problem import Problem, language_of, text_of

routers: list[APIRouter] = [
    door.router,
    pulpit.router,
    alerts.router,
    alert.router,
    alert_acts.router,
    pulse.router,
    process_tree.router,
    searches.router,
    events.router,
    collecting.router,
    decisions.router,
    rollouts.router,
    installing.router,  # before the stations, whose names it must not be taken for
    stations.router,
    station.router,
    weaknesses.router,
    coverage.router,
    rules.router,
    releases.router,
    exceptions.router,
    indicators.router,
    hunts.router,
    packets.router,
    health.router,
    reports.router,
    evidence.router,
    store.router,
    account.router,
]
_KEEP = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """Files whose address carries their hash, so browsers keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Return the file with a long life when the address named its hash."""
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = _KEEP if _hashed(args) else "no-cache"
        return answer


def _hashed(args: tuple[object, ...]) -> bool:
    return any(isinstance(one, dict) and bool(one.get("query_string")) for one in args)


def install(app: FastAPI) -> None:
    """Mount the assets and answer errors of pages with a page."""
    app.mount(STATIC_URL, Assets(directory=STATIC), name="static")
    app.state.error_page = error_page


async def error_page(request: Request, problem: Problem) -> Response:
    """Answer an error: an unknown person is led to sign in, everybody else sees what went wrong and what to do."""
    if problem.status == 401 and request.method in {"GET", "HEAD"} and not _wants_part(request.headers):
        return RedirectResponse(f"/zaloguj?dalej={_quoted(own_path(request))}", status_code=303)
    who = await _who(request)
    key = f"error.{problem.status}"
    heading = catalogue().text(key if key in catalogue() else "error.other", who.language)
    detail = text_of(problem.code, who.language, problem.values)
    answer = page(
        request, context_of(request), who, "error", "error.html", status=problem.status, heading=heading, detail=detail
    )
    answer.headers.update(problem.headers)
    return answer


def _wants_part(headers: Headers) -> bool:
    return "hx-request" in headers


def _quoted(path: str) -> str:
    return quote(path, safe="")


async def _who(request: Request) -> Principal:
    try:
        if request.method in {"GET", "HEAD"}:
            return await identify(request, context_of(request))
    except Exception:  # noqa: BLE001 - an error page must not fail because of who asks
        return Principal(language=language_of(request))
    return Principal(language=language_of(request))
