"""Installing agents `/stacje/instalacja`: choose a system, get the command or the file with a one-use code inside."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import FileResponse

from appliance.packages.shelf import latest
from appliance.web import handout
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import page
from appliance.web.pages.stations import MOST_HOURS, MOST_USES
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
System = Literal["linux", "windows"]
Chosen = Annotated[System, Form()]


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    ready = {system: latest(context.home.agent_packages, kind) for system, kind in handout.SYSTEMS.items()}
    shown: dict[str, Any] = {"ready": ready, "made": None, "system": "linux", "uses": 1, "hours": 24}
    return page(request, context, who, "stations", "installing.html", status=status, **shown | values)


def _fault(who: Principal, uses: int, hours: int) -> str:
    if 1 <= uses <= MOST_USES and 1 <= hours <= MOST_HOURS:
        return ""
    return catalogue().text("stations.bad_bounds", who.language, uses=MOST_USES, hours=MOST_HOURS)


@router.get("/stacje/instalacja")
def installing(request: Request, context: Box, who: Manager) -> Response:
    """Show what can be installed."""
    return _page(request, context, who)


@router.post("/stacje/instalacja")
def command(
    request: Request, context: Box, who: Manager, system: Chosen, uses: int = Form(1), hours: int = Form(24)
) -> Response:
    """Make a code and show the command of one line that installs with it."""
    chosen: dict[str, Any] = {"system": system, "uses": uses, "hours": hours}
    if fault := _fault(who, uses, hours):
        return _page(request, context, who, status=422, fault=fault, **chosen)
    made = handout.installation(context, who, system, uses, hours)
    return _page(request, context, who, status=201, made=made, **chosen)


@router.post("/stacje/instalacja/plik")
def file(
    request: Request, context: Box, who: Manager, system: Chosen, uses: int = Form(1), hours: int = Form(24)
) -> Response:
    """Make a code and give the file that installs with it."""
    if fault := _fault(who, uses, hours):
        return _page(request, context, who, status=422, fault=fault, system=system, uses=uses, hours=hours)
    name, data = handout.installer(context, who, system, uses, hours)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get("/stacje/instalacja/{system}")
def package(context: Box, who: Manager, system: System) -> FileResponse:
    """Give the package alone."""
    found = handout.package_for(context.home, system)
    return FileResponse(found.path, media_type="application/octet-stream", filename=found.path.name)
