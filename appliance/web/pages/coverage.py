"""Coverage `/reguly/zasieg`: techniques of ATT&CK, whether their rules have data and have been seen to fire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from appliance.detect.visibility import TACTICS, Technique
from appliance.ops.overview import navigator
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.pages.shell import page
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
NONE = "bez"
"""Asks for techniques whose rules name no tactic."""
Reader = Annotated[Principal, Depends(require(Permission.RULES_READ))]


def chosen(techniques: Iterable[Technique], tactic: str, score: str) -> list[Technique]:
    """Return the techniques of a tactic and a state; an empty or unknown word asks for all."""
    return [
        one
        for one in techniques
        if (tactic not in {*TACTICS, NONE} or tactic in (one.tactics or (NONE,)))
        and (score not in {"1", "2", "3"} or one.score == int(score))
    ]


def summary(techniques: Sequence[Technique]) -> dict[str, dict[int, int]]:
    """Return by tactic, in ATT&CK's order, how many techniques have a rule (1), data (2), a rule that fired (3).

    A technique with several tactics counts for each; one whose rules name none counts under `NONE`.
    """
    named = {one: [row for row in techniques if one in (row.tactics or (NONE,))] for one in (*TACTICS, NONE)}
    return {one: _counts(rows) for one, rows in named.items() if rows}


def _counts(techniques: Sequence[Technique]) -> dict[int, int]:
    return {level: sum(one.score >= level for one in techniques) for level in (1, 2, 3)}


@router.get("/reguly/zasieg")
def coverage(request: Request, context: Box, who: Reader) -> Response:
    """List the techniques that the rules in force are meant to detect."""
    view = context.vision.of(context)
    tactic, score = request.query_params.get("cel", ""), request.query_params.get("stan", "")
    rows = chosen(view.techniques, tactic, score)
    named = [one for one in TACTICS if any(one in row.tactics for row in view.techniques)]
    return page(
        request,
        context,
        who,
        "rules",
        "coverage.html",
        rows=rows,
        summary=summary(view.techniques),
        days=view.days,
        total=len(view.techniques),
        counts=_counts(view.techniques),
        tactics=named,
        asked={"cel": tactic, "stan": score},
        filtered=bool(tactic or score),
    )


@router.get("/reguly/zasieg.json")
def download(context: Box, who: Reader) -> Response:
    """Return the coverage as a layer of the ATT&CK Navigator."""
    made = navigator(context.vision.of(context), who.language)
    return JSONResponse(made, headers={"Content-Disposition": 'attachment; filename="czujka-attack.json"'})
