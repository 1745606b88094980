"""Saved searches `/zdarzenia/zapisane`: keep the question of the page of events, name it, share it, delete it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy.orm import Session

from appliance.alerts.service import BadText
from appliance.ops import searches
from appliance.ops.searches import NameTaken, NotItsAuthor, SearchesFull, Wanted
from appliance.search import QueryError, parse
from appliance.state.database import writing
from appliance.state.saved import SavedSearch
from appliance.web.api.common import Number
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page
from appliance.web.pages.views.asking import QUERY, SPLITS, Asking, asking, names
from appliance.web.pages.views.times import Stretch, written_moment
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.EVENTS_READ))]
Keeper = Annotated[Principal, Depends(require(Permission.SEARCHES_KEEP))]
Name = Annotated[str, Form(max_length=1000)]
Flag = Annotated[str, Form(max_length=10)]
Part = Annotated[str, Form(max_length=4000)]
_LIST = "/zdarzenia/zapisane"
_WHY: dict[type[Exception], str] = {
    BadText: "searches.bad_name",
    NameTaken: "searches.taken",
    SearchesFull: "searches.full",
    NotItsAuthor: "searches.not_author",
}


@dataclass(frozen=True, slots=True)
class Saved:
    """A search as lists show it; `asked` is what it asks again."""

    id: int
    name: str
    author: str
    shared: bool
    mine: bool
    asked: Asking
    changed_at: int


def saved(row: SavedSearch, who: str) -> Saved:
    """Return the line of a search."""
    first, last = ("" if at is None else written_moment(at) for at in (row.since, row.until))
    when = Stretch(None, None, row.span) if row.span else Stretch(row.since, row.until, "", first, last)
    split = row.split if row.split in SPLITS else SPLITS[0]
    asked = Asking(row.query, when, names(row.columns), split)
    return Saved(row.id, row.name, row.author, row.shared, row.author == who, asked, row.changed_at)


def offered(session: Session, who: str, most: int) -> tuple[list[Saved], int]:
    """Return the first searches that somebody may use, and how many there are."""
    return [saved(row, who) for row in searches.seen_by(session, who, most)], searches.count_seen_by(session, who)


@router.get(_LIST)
def overview(request: Request, context: Box, who: Reader) -> Response:
    """List the searches that one may use."""
    return _listed(request, context, who)


def _listed(request: Request, context: Context, who: Principal, fault: str = "", status: int = 200) -> Response:
    with context.sessions() as session:
        rows, _ = offered(session, who.who, searches.MOST)
    groups = [("own", [row for row in rows if row.mine]), ("office", [row for row in rows if not row.mine])]
    said = catalogue().text(fault, who.language) if fault else ""
    return page(request, context, who, "events", "searches.html", status=status, groups=groups, fault=said)


@router.post(_LIST)
def keep(
    *,
    request: Request,
    context: Box,
    who: Keeper,
    name: Name = "",
    shared: Flag = "",
    q: Annotated[str, Form(max_length=QUERY)] = "",
    okres: Flag = "",
    od: Part = "",
    do: Part = "",
    kol: Part = "",
    wg: Part = SPLITS[0],
) -> Response:
    """Keep what the page of events was asked."""
    said = {"q": q, "okres": okres, "od": od, "do": do, "kol": kol, "wg": wg}
    return _keep(request, context, who, asking(said, context.now()), name, shared=bool(shared))


def _keep(request: Request, context: Context, who: Principal, asked: Asking, name: str, *, shared: bool) -> Response:
    try:
        parse(asked.query, context.store.fields(), context.now)
    except QueryError:
        return _listed(request, context, who, "searches.bad_query", 422)
    if asked.when.fault:
        return _listed(request, context, who, "searches.bad_time", 422)
    when = asked.when
    moments = (None, None) if when.span else (when.start, when.end)
    wanted = Wanted(name, asked.query, when.span, *moments, asked.columns, asked.split, shared)
    back = f"/zdarzenia?{asked.address()}"
    return _done(
        request, context, who, lambda session, now: searches.save(session, wanted, who.who, now), back, "search_saved"
    )


@router.post(_LIST + "/{number}")
def change(request: Request, context: Box, who: Keeper, number: Number, name: Name = "", shared: Flag = "") -> Response:
    """Rename a search, share it, or take it back."""
    return _done(
        request,
        context,
        who,
        lambda session, now: searches.change(session, number, who.who, now, name=name, shared=bool(shared)),
        _LIST,
        "search_changed",
    )


@router.post(_LIST + "/{number}/usun")
def delete(request: Request, context: Box, who: Keeper, number: Number) -> Response:
    """Delete a search."""
    return _done(
        request,
        context,
        who,
        lambda session, now: searches.delete(session, number, who.who, now),
        _LIST,
        "search_deleted",
    )


def _done(
    request: Request,
    context: Context,
    who: Principal,
    act: Callable[[Session, int], object],
    back: str,
    done: str,
) -> Response:
    try:
        with writing(context.sessions) as session:
            act(session, context.now())
    except tuple(_WHY) as error:
        return _listed(request, context, who, _WHY[type(error)], 422 if isinstance(error, BadText) else 409)
    return back_to(back, done)
