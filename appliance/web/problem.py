"""Errors as the API tells them: RFC 9457 problem+json, in the language the client asks for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from appliance.language.catalogue import Texts, load

MEDIA_TYPE = "application/problem+json"
LANGUAGES = ("pl", "en")
_TEXTS = Path(__file__).parent / "catalogue" / "problems.yml"


class FieldFault(BaseModel):
    """One fault in what the client sent."""

    field: str
    fault: str


class Problem(Exception):
    """An answer that is an error. `code` names its text in the catalogue (`problem.<code>`); `values` fill it.

    `faults` are those of parts of what was sent; only the API tells them.
    """

    def __init__(
        self,
        status: int,
        code: str,
        *,
        values: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        faults: list[FieldFault] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.values = values or {}
        self.headers = headers or {}
        self.faults = faults or []


class ProblemBody(BaseModel):
    """The body of every error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(examples=["urn:czujka:problem:not_found"])
    title: str
    status: int
    detail: str
    instance: str
    code: str
    faults: list[FieldFault] = Field(default_factory=list)


@cache
def _texts() -> Mapping[str, Texts]:
    return load([_TEXTS]).entries


def text_of(code: str, language: str, values: dict[str, Any]) -> str:
    """Return the catalogue's text of a problem code in a language, filled with values."""
    forms = _texts().get(f"problem.{code}") or _texts()["problem.unknown"]
    return forms[language][0].format_map({key: str(value) for key, value in values.items()})


def language_of(request: Request) -> str:
    """Return the first of our languages in Accept-Language; English when none is asked for."""
    for part in request.headers.get("accept-language", "")[:200].split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return "en"


def respond(request: Request, problem: Problem, faults: list[FieldFault] | None = None) -> JSONResponse:
    """Return a problem as its JSON answer."""
    body = ProblemBody(
        type=f"urn:czujka:problem:{problem.code}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=text_of(problem.code, language_of(request), problem.values),
        instance=request.url.path,
        code=problem.code,
        faults=faults or [],
        **problem.values,
    )
    return JSONResponse(body.model_dump(), problem.status, problem.headers, MEDIA_TYPE)
