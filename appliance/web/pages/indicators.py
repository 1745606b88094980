"""Indicators `/wskazniki`: which lists the office was given, what is on them, and a form that takes one in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.datastructures import UploadFile

from appliance.alerts.cursor import BadCursor
from appliance.indicators import book
from appliance.indicators.book import Asked, Taken
from appliance.indicators.files import MAX_BYTES, MAX_VALUES
from appliance.indicators.reading import Document, Read
from appliance.indicators.values import LONGEST
from appliance.web.api import indicators as api
from appliance.web.api.indicators import IndicatorAnswer, Manager
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.forms import unix
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page, safe_back
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of
from appliance.web.security import form_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.RULES_READ))]
PAGE = 50
USUAL_DAYS = "90"
"""After how many days the form proposes that values end."""
_FIELD = 1000
"""Characters of a short field that are read."""
_KEPT = 200_000
"""Characters of a pasted list that is put into the form again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the form says; `days` as it was written."""

    source: str = ""
    days: str = USUAL_DAYS
    comment: str = ""
    pasted: str = ""
    files: tuple[Document, ...] = ()

    def documents(self, name: str) -> list[Document]:
        """Return the lists; the pasted one is called by a name."""
        pasted = [Document(name, self.pasted.encode())] if self.pasted.strip() else []
        return [*pasted, *self.files]

    def lasting(self) -> int | None:
        """Return after how many days values end; None for never. Raises ValueError."""
        days = int(self.days) if self.days.strip() else None
        if days is not None and not 1 <= days <= book.DAYS:
            raise ValueError(self.days)
        return days

    @property
    def again(self) -> str:
        """What stands in the form again after a fault: the whole list as it was, or nothing of one that is long."""
        return unix(self.pasted) if len(self.pasted) <= _KEPT else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a form: what was taken, the lists' faults, or the text that says why nothing was."""

    sent: Sent = field(default_factory=Sent)
    read: Read = field(default_factory=Read)
    taken: Taken | None = None
    status: int = 200
    faults: dict[str, str] = field(default_factory=dict)
    """Text by field of the form; that of none is the page's."""


@router.get("/wskazniki")
def overview(request: Request, context: Box, who: Reader) -> Response:
    """List the sources, and the values that the address asks for."""
    return _page(request, context, who, Outcome())


async def _sent(request: Request, who: Manager) -> Sent:
    """Return the form that somebody sends who may."""
    bounds = {"source": _FIELD, "days": _FIELD, "comment": _FIELD, "pasted": MAX_BYTES + 1}
    form = await form_of(request)
    try:
        said = {name: text[:most] for name, most in bounds.items() if isinstance(text := form.get(name), str)}
        given = [one for one in form.getlist("files") if isinstance(one, UploadFile) and one.filename]
        return Sent(**said, files=tuple([Document(str(one.filename)[:255], await one.read()) for one in given]))
    finally:
        await form.close()


@router.post("/wskazniki")
def take(request: Request, context: Box, who: Manager, sent: Annotated[Sent, Depends(_sent)]) -> Response:
    """Take lists in, and say what came of each line."""
    return _page(request, context, who, _taken(context, who, sent))


@router.post("/wskazniki/usun")
def remove(
    request: Request,
    context: Box,
    who: Manager,
    source: Annotated[str, Form(min_length=1, max_length=book.SOURCE)],
    value: Annotated[str, Form(max_length=LONGEST)] = "",
    back: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Remove a value of a source, or all that it told."""
    try:
        api.removed(context, who, [value] if value else [], source)
    except Problem as problem:
        fault = {"": text_of(problem.code, who.language, problem.values)}
        return _page(request, context, who, Outcome(status=problem.status, faults=fault))
    return back_to(safe_back(back, "/wskazniki"), "indicator_removed" if value else "source_removed")


def _taken(context: Context, who: Principal, sent: Sent) -> Outcome:
    documents = sent.documents(catalogue().text("indicators.pasted", who.language))

    def refused(code: str, status: int, place: str = "", read: Read | None = None, **values: object) -> Outcome:
        return Outcome(sent, read or Read(), None, status, {place: text_of(code, who.language, dict(values))})

    if not documents:
        return refused("indicators_empty", 422, "pasted")
    try:
        read, taken = api.taken_in(context, who, sent.source, documents, sent.lasting(), sent.comment, who.language)
    except book.BadSource:
        return refused("indicators_source", 422, "source", most=book.SOURCE)
    except book.TooMany as error:
        return refused("indicators_full", 409, limit=book.MOST, there=error.there)
    except ValueError:
        return refused("indicators_days", 422, "days", most=book.DAYS)
    if taken is None:
        return refused("indicators_broken" if read.faults else "indicators_empty", 422, read=read)
    return Outcome(Sent(sent.source), read, taken, 201)


def _page(request: Request, context: Context, who: Principal, done: Outcome) -> Response:
    asked = _asked(request)
    rows, older = _listed(request, context, asked)
    sources = api.sources_of(context)
    values: dict[str, Any] = {
        "sources": sources[: api.SOURCES],
        "more_sources": max(0, len(sources) - api.SOURCES),
        "asked": asked,
        "here": _address(asked),
        "rows": rows,
        "older": older,
        "after": request.query_params.get("po", "")[:200],
        "sent": done.sent,
        "taken": done.taken,
        "new": sum(done.taken.new.values()) if done.taken else 0,
        "faults": dict.fromkeys(("source", "pasted", "days"), "") | done.faults,
        "lines": done.read.faults[: api.FAULTS],
        "line_count": len(done.read.faults),
        "hunted_days": context.settings.hunts.days,
        "most": {"source": book.SOURCE, "comment": book.COMMENT, "days": book.DAYS, "value": LONGEST},
        "file_size": MAX_BYTES,
        "file_values": MAX_VALUES,
    }
    fault = next(iter(done.faults.values()), "")
    return page(request, context, who, "indicators", "indicators.html", status=done.status, fault=fault, **values)


def _asked(request: Request) -> Asked:
    said = request.query_params
    source = said.get("zrodlo", "")[: book.SOURCE]
    return Asked(said.get("wartosc", "").strip()[:LONGEST], said.get("dokladnie") == "tak", source or None)


def _address(asked: Asked) -> str:
    """Return the query that asks for the same again."""
    said = {"wartosc": asked.text, "dokladnie": "tak" if asked.whole else "", "zrodlo": asked.source or ""}
    return urlencode({name: value for name, value in said.items() if value})


def _listed(request: Request, context: Context, asked: Asked) -> tuple[list[IndicatorAnswer], str]:
    """Return the values that are asked for, and the cursor of older ones; none while nothing is asked."""
    if not asked.text and asked.source is None:
        return [], ""
    after = request.query_params.get("po", "")[:200]
    with context.sessions() as session:
        try:
            rows, cursor = book.page(session, asked, after or None, PAGE)
        except BadCursor:
            rows, cursor = book.page(session, asked, None, PAGE)
        return [api.answer(row, context.now()) for row in rows], cursor or ""
