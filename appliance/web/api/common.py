"""What the API's routers share: parameter types with their bounds, pages, documented errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Path, Query, params
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from appliance.clock import from_datetime
from appliance.normalise.times import EARLIEST, LATEST
from appliance.web.problem import MEDIA_TYPE

LARGEST = (1 << 63) - 1
FIRST_MOMENT, LAST_MOMENT = EARLIEST, LATEST
"""Between them lie the times of events: from 1601, where Windows begins to count, to the end of year 9999."""
T = TypeVar("T")

_PROBLEM: dict[str, Any] = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}}


def api_router(tag: str, *dependencies: params.Depends) -> APIRouter:
    """Return a router whose errors are documented as problem+json."""
    return APIRouter(
        tags=[tag],
        dependencies=dependencies,
        responses={
            "4XX": {"description": "The request cannot be done as it is.", **_PROBLEM},
            "5XX": {"description": "The box cannot do it now.", **_PROBLEM},
        },
    )


def parse_moment(value: object) -> object:
    """Return the microseconds of an RFC 3339 text; leave everything else to the schema. Raises ValueError."""
    if not isinstance(value, str) or (value.lstrip("-").isascii() and value.lstrip("-").isdigit()):
        return value
    if not 10 <= len(value) <= 40:
        raise ValueError("not a time")
    moment = datetime.fromisoformat(value)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


Moment = Annotated[
    int,
    BeforeValidator(parse_moment),
    Field(ge=FIRST_MOMENT, le=LAST_MOMENT),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": FIRST_MOMENT, "maximum": LAST_MOMENT},
                {"type": "string", "format": "date-time"},
            ],
            "description": "Microseconds since the epoch, or RFC 3339 (UTC where no offset is given).",
        }
    ),
]
"""A time that a client gives."""
Number = Annotated[int, Path(ge=1, le=LARGEST)]
"""The id of a row, in a path."""
After = Annotated[str | None, Query(max_length=600, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500)]
EventId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
QueryText = Annotated[str, Query(max_length=4000, description="The query language of docs/search.md; empty is all.")]
Name = Annotated[str | None, Query(max_length=255)]


class Answer(BaseModel):
    """Base of every answer; it may be read from the row it shows."""

    model_config = ConfigDict(from_attributes=True)


class Page(Answer, Generic[T]):
    """Some items, and where the next ones begin."""

    items: list[T]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")
