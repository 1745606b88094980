"""What ticks on an open page: ages in words, the lamp, the number of alerts that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from appliance.language import dates
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.pages.render import render
from appliance.web.pages.shell import shell
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
MOMENTS = 200
"""Moments that one page asks for at most."""
_LAST = 253_402_300_799_999_999
Moments = Annotated[str, Query(max_length=MOMENTS * 18)]


def moments(text: str) -> list[int]:
    """Read „1,2,3” as moments in microseconds; what is none is left out."""
    parts = (part for part in text.split(",")[:MOMENTS] if part.isascii() and part.isdigit() and len(part) <= 18)
    return [int(part) for part in parts if int(part) <= _LAST]


@router.get("/na-zywo/chwile")
def pulse(request: Request, context: Box, who: Reader, wiek: Moments = "", od: Moments = "") -> JSONResponse:
    """Return the words for moments (`wiek`: how long ago, `od`: since when), and what the top bar shows now."""
    frame = shell(request, context, who, "")

    def said(text: str, say: Callable[[int, int, str], str]) -> dict[str, str]:
        return {str(at): say(at, frame.now, who.language) for at in moments(text)}

    top = render("pulse.html", who.language, frame.now, {"shell": frame})
    return JSONResponse(
        {"age": said(wiek, dates.age), "since": said(od, dates.since), "top": top, "kind": frame.watch.kind}
    )
