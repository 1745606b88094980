"""What events say together: groups with measures, trees of processes, suggestions while a query is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from appliance.store import Measure
from appliance.web.api.common import EventId, QueryText, api_router
from appliance.web.api.events import Event, FieldName, MissingAnswer, Since, Until, event_of, missing
from appliance.web.auth import needs
from appliance.web.completion import suggest
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.stopping import stoppable

router = api_router("events", Depends(stoppable))
MeasureText = Annotated[str, Field(pattern=r"^(distinct|min|max|sum):[A-Za-z0-9_@.\- ]{1,200}$")]


class GroupAnswer(BaseModel):
    """Events with the same values: those values in the order of `by`, how many, and the measures in their order."""

    key: list[Any]
    count: int
    measures: list[int | float | None]


class GroupsAnswer(BaseModel):
    """The largest groups; `more` = there are others; `missing` = what is damaged of the time."""

    items: list[GroupAnswer]
    more: bool
    missing: MissingAnswer | None


class ProcessAnswer(BaseModel):
    """An event of a process, and the id of its parent's event; null at the top."""

    event: Event
    parent: str | None


class TreeAnswer(BaseModel):
    """Processes, each after its parent; not `complete` when a bound cut something off."""

    items: list[ProcessAnswer]
    complete: bool


class SuggestionAnswer(BaseModel):
    """What may stand there, and in how many of the newest events it does; null for names and times."""

    model_config = ConfigDict(from_attributes=True)
    text: str
    count: int | None


class SuggestionsAnswer(BaseModel):
    """Suggestions for the characters of the query from `start` to before `end`."""

    model_config = ConfigDict(from_attributes=True)
    kind: Literal["field", "value", "none"]
    start: int
    end: int
    items: list[SuggestionAnswer]


@router.get("/events/groups", dependencies=needs(Permission.EVENTS_READ))
def group(
    *,
    context: Box,
    by: Annotated[tuple[FieldName, ...], Query(min_length=1, max_length=4)],
    measure: Annotated[tuple[MeasureText, ...], Query(max_length=8)] = (),
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    n: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> GroupsAnswer:
    """Return the largest groups of events with the same values of some fields."""
    measures = [Measure.parse(text) for text in measure]
    found = context.store.group(q, by, measures, n=n, start=since, end=until)
    rows = [GroupAnswer(key=list(row.key), count=row.count, measures=list(row.measures)) for row in found.rows]
    return GroupsAnswer(items=rows, more=found.more, missing=missing(context, since, until))


@router.get("/events/suggestions", dependencies=needs(Permission.EVENTS_READ))
def suggestions(
    *,
    context: Box,
    q: QueryText = "",
    at: Annotated[int, Query(ge=0, le=4000, description="Where in the query the cursor stands.")] = 0,
    since: Since = None,
    until: Until = None,
) -> SuggestionsAnswer:
    """Return what may be written at a place of a query: names of fields, or values that they have."""
    return SuggestionsAnswer.model_validate(suggest(context.store, q, at, since, until))


@router.get("/events/{event_id}/process-tree", dependencies=needs(Permission.EVENTS_READ))
def process_tree(
    *,
    context: Box,
    event_id: EventId,
    up: Annotated[int, Query(ge=0, le=50)] = 20,
    down: Annotated[int, Query(ge=0, le=50)] = 5,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> TreeAnswer:
    """Return the processes above an event and below it, as far as they are known."""
    found = context.store.process_tree(event_of(context, event_id), up, down, limit)
    nodes = [ProcessAnswer(event=dict(node.event), parent=node.parent) for node in found.nodes]
    return TreeAnswer(items=nodes, complete=found.complete)
