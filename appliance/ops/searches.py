"""Saved searches: one's own, and those that the office shares. What becomes of each stands in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from appliance.alerts.service import BadText
from appliance.ops.operations import record
from appliance.state.saved import SavedSearch

NAME = 120
MOST = 500
"""Searches that the box keeps, of all people together."""


class UnknownSearch(LookupError):
    """There is no search of this number that the one who asks may see."""


class NameTaken(Exception):
    """Its author has another search of this name."""


class SearchesFull(Exception):
    """The box keeps as many searches as it may."""


class NotItsAuthor(Exception):
    """What the office shares can be taken out of it by its author alone; others may delete it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be kept. Either `span` up to now, or moments in microseconds that may be open."""

    name: str
    query: str
    span: str
    since: int | None
    until: int | None
    columns: tuple[str, ...] = ()
    split: str = ""
    shared: bool = False


def seen_by(session: Session, who: str, limit: int = MOST) -> Sequence[SavedSearch]:
    """Return what somebody may use, by name: their own searches and those that are shared."""
    found = select(SavedSearch).where(_seen(who)).order_by(SavedSearch.name, SavedSearch.id)
    return session.scalars(found.limit(limit)).all()


def count_seen_by(session: Session, who: str) -> int:
    """Return how many searches somebody may use."""
    return session.scalar(select(func.count()).select_from(SavedSearch).where(_seen(who))) or 0


def get(session: Session, number: int, who: str) -> SavedSearch:
    """Return one search. Raises UnknownSearch."""
    row = session.scalar(select(SavedSearch).where(SavedSearch.id == number, _seen(who)))
    if row is None:
        raise UnknownSearch(number)
    return row


def save(session: Session, wanted: Wanted, who: str, now: int) -> SavedSearch:
    """Keep a search. Raises BadText for a name that is empty or too long, NameTaken, SearchesFull."""
    name = _name(session, wanted.name, who)
    if (session.scalar(select(func.count()).select_from(SavedSearch)) or 0) >= MOST:
        raise SearchesFull
    values: dict[str, Any] = asdict(wanted) | {"name": name, "columns": list(wanted.columns)}
    row = SavedSearch(**values, author=who, created_at=now, changed_at=now)
    session.add(row)
    session.flush()
    record(session, who, "search.saved", row.id, now, name=name, query=row.query, shared=row.shared)
    return row


def change(
    session: Session, number: int, who: str, now: int, *, name: str | None = None, shared: bool | None = None
) -> SavedSearch:
    """Rename a search, share it or take it back. Raises UnknownSearch, BadText, NameTaken, NotItsAuthor."""
    row = get(session, number, who)
    before = {"name": row.name, "shared": row.shared}
    if name is not None and name.strip() != row.name:
        row.name = _name(session, name, row.author)
    if shared is False and row.shared and row.author != who:
        raise NotItsAuthor
    row.shared = row.shared if shared is None else shared
    row.changed_at = now
    record(session, who, "search.changed", row.id, now, name=row.name, shared=row.shared, before=before)
    return row


def delete(session: Session, number: int, who: str, now: int) -> None:
    """Delete a search. Raises UnknownSearch."""
    row = get(session, number, who)
    record(session, who, "search.deleted", row.id, now, name=row.name, author=row.author, shared=row.shared)
    session.delete(row)


def _seen(who: str) -> ColumnElement[bool]:
    return or_(SavedSearch.shared, SavedSearch.author == who)


def _name(session: Session, name: str, author: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= NAME:
        raise BadText
    taken = select(SavedSearch.id).where(SavedSearch.author == author, SavedSearch.name == name)
    if session.scalar(taken) is not None:
        raise NameTaken
    return name
