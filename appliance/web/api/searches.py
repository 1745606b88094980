"""Saved searches: one's own, and those that the office shares."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends
from pydantic import BaseModel, Field, model_validator

from appliance.ops import searches
from appliance.ops.searches import Wanted
from appliance.search import parse
from appliance.state.database import writing
from appliance.web.api.common import Answer, Moment, Number, api_router
from appliance.web.api.events import FieldName
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.policy import Permission

router = api_router("searches")
Reader = Annotated[Principal, Depends(require(Permission.EVENTS_READ))]
Keeper = Annotated[Principal, Depends(require(Permission.SEARCHES_KEEP))]
Title = Annotated[str, Field(min_length=1, max_length=searches.NAME)]
Span = Literal["1h", "24h", "7d", "30d", "all"]


class SearchBody(BaseModel):
    """A search to keep: a span up to now, which stays relative, or two moments, either of which may be open."""

    name: Title
    query: str = Field("", max_length=4000)
    span: Span | None = None
    since: Moment | None = None
    until: Moment | None = None
    columns: tuple[FieldName, ...] = Field((), max_length=12)
    shared: bool = False

    @model_validator(mode="after")
    def _one_time(self) -> SearchBody:
        moments = (self.since, self.until)
        if self.span is not None and moments != (None, None):
            raise ValueError("a span or moments, not both")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class SearchChange(BaseModel):
    """What to change; what is absent stays."""

    name: Title | None = None
    shared: bool | None = None


class SearchAnswer(Answer):
    """A saved search; times in microseconds, `span` empty where the moments count."""

    id: int
    name: str
    author: str
    shared: bool
    query: str
    span: str
    since: int | None
    until: int | None
    columns: list[str]
    created_at: int
    changed_at: int


@router.get("/searches")
def list_searches(context: Box, who: Reader) -> list[SearchAnswer]:
    """Return one's own searches and the shared ones, by name."""
    with context.sessions() as session:
        return [SearchAnswer.model_validate(row) for row in searches.seen_by(session, who.who)]


@router.get("/searches/{number}")
def get_search(context: Box, who: Reader, number: Number) -> SearchAnswer:
    """Return one search."""
    with context.sessions() as session:
        return SearchAnswer.model_validate(searches.get(session, number, who.who))


@router.post("/searches", status_code=201)
def save_search(context: Box, who: Keeper, body: SearchBody) -> SearchAnswer:
    """Keep a search that can be asked."""
    parse(body.query, context.store.fields(), context.now)
    whole = body.since is None and body.until is None
    span = body.span or ("24h" if whole else "")
    wanted = Wanted(body.name, body.query, span, body.since, body.until, body.columns, "", body.shared)
    with writing(context.sessions) as session:
        return SearchAnswer.model_validate(searches.save(session, wanted, who.who, context.now()))


@router.patch("/searches/{number}")
def change_search(context: Box, who: Keeper, number: Number, body: SearchChange) -> SearchAnswer:
    """Rename a search, share it with the office, or take it back."""
    with writing(context.sessions) as session:
        row = searches.change(session, number, who.who, context.now(), name=body.name, shared=body.shared)
        return SearchAnswer.model_validate(row)


@router.delete("/searches/{number}", status_code=204)
def delete_search(context: Box, who: Keeper, number: Number) -> None:
    """Delete one's own search, or one that the office shares."""
    with writing(context.sessions) as session:
        searches.delete(session, number, who.who, context.now())
