"""What the box keeps about itself: rejected records, imports, the operators' audit log."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from appliance.alerts.cursor import decode, encode
from appliance.journal import StoredLetter
from appliance.ops.operations import operations
from appliance.web.api.common import After, Answer, Limit, Name, Number, Page, api_router
from appliance.web.auth import needs
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("records")
SHOWN = 400
"""Bytes of a rejected record that a list shows."""
_KEYS = 200


class LetterAnswer(BaseModel):
    """A rejected record; `start` is the beginning of its bytes as text, `bytes` how many there are."""

    id: int
    source: str
    batch_seq: int
    line_no: int
    reason: str
    at: int
    bytes: int
    start: str


class LetterWhole(LetterAnswer):
    """A rejected record with all its bytes, base64."""

    original: str


class ImportAnswer(BaseModel):
    """What became of a batch that the importer sent."""

    key: str
    read: int
    stored: int
    known: int
    dead: int


class OperationAnswer(Answer):
    """One entry of the audit log."""

    id: int
    at: int
    who: str
    action: str
    target: str
    detail: dict[str, Any]


@router.get("/dead-letters", dependencies=needs(Permission.DEAD_LETTERS_READ))
def list_letters(
    context: Box, after: After = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> Page[LetterAnswer]:
    """Return rejected records, newest first."""
    before = decode(after, 1)[0] if after is not None else None
    found = context.dead_letters.newest(before, limit + 1)
    items = [letter_answer(letter) for letter in found[:limit]]
    return Page(items=items, next=encode(items[-1].id) if len(found) > limit else None)


@router.get("/dead-letters/{letter_id}", dependencies=needs(Permission.DEAD_LETTERS_READ))
def get_letter(context: Box, letter_id: Number) -> LetterWhole:
    """Return one rejected record with its bytes."""
    letter = _found(context.dead_letters.get(letter_id))
    return LetterWhole(**dict(letter_answer(letter)), original=base64.b64encode(letter.original).decode())


@router.get(
    "/dead-letters/{letter_id}/original",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
    dependencies=needs(Permission.DEAD_LETTERS_READ),
)
def download_letter(context: Box, letter_id: Number) -> Response:
    """Return the bytes of a rejected record as a file, never as something a browser would show."""
    letter = _found(context.dead_letters.get(letter_id))
    headers = {"Content-Disposition": f'attachment; filename="czujka-rekord-{letter.id}.bin"'}
    return Response(letter.original, media_type="application/octet-stream", headers=headers)


def _found(letter: StoredLetter | None) -> StoredLetter:
    if letter is None:
        raise Problem(404, "dead_letter_unknown")
    return letter


def letter_answer(letter: StoredLetter, shown: int = SHOWN) -> LetterAnswer:
    """Return what is shown of a rejected record, with the first `shown` bytes of it."""
    return LetterAnswer(
        id=letter.id,
        source=letter.source,
        batch_seq=letter.batch_seq,
        line_no=letter.line_no,
        reason=letter.reason,
        at=letter.at,
        bytes=len(letter.original),
        start=letter.original[:shown].decode("utf-8", "replace"),
    )


@router.get("/imports", dependencies=needs(Permission.IMPORTS_READ))
def get_imports(
    context: Box,
    source: Annotated[str, Query(min_length=1, max_length=64, description="The id of who sent the batches.")],
    keys: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Za-z0-9:._-]{1,100}$")]], Query(min_length=1, max_length=_KEYS)
    ],
) -> list[ImportAnswer]:
    """Return the results of those batches that the pipeline has finished; the others are absent."""
    places = context.journal.find(source, keys)
    results = context.store.results(list(places.values()))
    found = [(key, results[seq]) for key, seq in places.items() if seq in results]
    return [ImportAnswer(key=key, read=r.read, stored=r.stored, known=r.known, dead=r.dead) for key, r in found]


@router.get("/operations", dependencies=needs(Permission.OPERATIONS_READ))
def list_operations(context: Box, after: After = None, limit: Limit = 100, by: Name = None) -> Page[OperationAnswer]:
    """Return the audit log, newest first."""
    with context.sessions() as session:
        rows, following = operations(session, after, limit, by)
    return Page(items=[OperationAnswer.model_validate(row) for row in rows], next=following)
