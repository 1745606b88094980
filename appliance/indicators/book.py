"""The indicators that the office keeps: taken in, listed, removed, and as lists of rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from appliance.alerts import paging
from appliance.clock import DAY
from appliance.indicators.values import HOSTS, LISTS, PATHS, Kind, Value, of_lists, written
from appliance.ops.operations import record
from appliance.state.indicators import Indicator, IndicatorChange
from appliance.state.upsert import replace_rows

MOST = 200_000
"""Values of all sources together that have not expired."""
KEPT = 90 * DAY
"""How long a value stays listed after it has expired, in microseconds."""
SOURCE, COMMENT, DAYS = 120, 300, 3650
"""Characters of a source's name and of a comment, and days after which values may end at the latest."""
NAMED = 20
"""Values of a removal that the audit log names one by one."""
Mark = tuple[int, int]


class TooMany(ValueError):
    """More values than the office may keep; the text says how many it has."""

    def __init__(self, there: int) -> None:
        super().__init__(f"wskaźników może być {MOST}, a jest ich już {there}; usuń stare: czujka indicators remove")
        self.there = there


class BadSource(ValueError):
    """The name of a source is empty, too long, or has signs that are not seen."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value to be kept, and what is known of it; `expires_at` in microseconds."""

    value: Value
    comment: str = ""
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did: values that no source had told, by kind, and those that were there and are told anew."""

    new: Mapping[str, int]
    known: int


@dataclass(frozen=True, slots=True)
class Source:
    """What one source has told; times in microseconds."""

    name: str
    kind: Kind
    acting: int
    expired: int
    newest: int
    """When its newest value came."""
    ends: int | None
    """When the first of its values expires that act."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which values are listed: of one source or of all, that contain a text or, when `whole`, are what it names."""

    text: str = ""
    whole: bool = False
    source: str | None = None


def named(source: str) -> str:
    """Return the name of a source without blanks around it. Raises BadSource."""
    name = source.strip()
    if not name or len(name) > SOURCE or not name.isprintable():
        raise BadSource(source[:SOURCE])
    return name


def take(session: Session, source: str, wanted: Sequence[Wanted], who: str, now: int) -> Taken:
    """Keep values of a source; what it has told before gets the new comment and expiry. Raises TooMany."""
    session.execute(delete(Indicator).where(Indicator.expires_at < now - KEPT))
    acting = {
        (kind, value) for kind, value in session.execute(select(Indicator.kind, Indicator.value).where(_acting(now)))
    }
    told = {(one.value.kind.value, one.value.text): one for one in wanted}
    new = Counter(kind for kind, text in told if (kind, text) not in acting)
    if len(acting) + new.total() > MOST:
        raise TooMany(len(acting))
    rows = [
        {
            "kind": kind,
            "value": text,
            "source": source,
            "comment": "".join(filter(str.isprintable, one.comment))[:COMMENT],
            "added_at": now,
            "expires_at": one.expires_at,
        }
        for (kind, text), one in told.items()
    ]
    replace_rows(session, Indicator, ("kind", "value", "source"), rows, kept=("added_at",))
    session.add(IndicatorChange(at=now, who=who[:120], source=source, added=dict(new)))
    record(session, who, "indicators.imported", source, now, new=new.total(), known=len(told) - new.total())
    return Taken(new, len(told) - new.total())


def remove(session: Session, source: str | None, values: Iterable[str], who: str, now: int) -> int:
    """Remove values, of one source or of all; without values all of the source. Return how many rows went."""
    listed = sorted(set(values))
    query = delete(Indicator)
    if source is not None:
        query = query.where(Indicator.source == source)
    if listed:
        query = query.where(Indicator.value.in_(listed))
    gone = session.execute(query).rowcount  # type: ignore[attr-defined]
    if gone:
        session.add(IndicatorChange(at=now, who=who[:120], source=source or "", added={}))
        target = source or ", ".join(listed)
        record(session, who, "indicators.removed", target, now, count=gone, values=listed[:NAMED])
    return int(gone)


def sources(session: Session, now: int) -> list[Source]:
    """Return what is kept, by source and kind."""
    acts = _acting(now)
    query = select(
        Indicator.source,
        Indicator.kind,
        func.count().filter(acts),
        func.count().filter(~acts),
        func.max(Indicator.added_at),
        func.min(Indicator.expires_at).filter(acts),
    ).group_by(Indicator.source, Indicator.kind)
    rows = session.execute(query.order_by("source", "kind"))
    return [Source(name, Kind(kind), acting, gone, newest, ends) for name, kind, acting, gone, newest, ends in rows]


def page(session: Session, asked: Asked, after: str | None, limit: int) -> tuple[list[Indicator], str | None]:
    """Return a page of values, the newest first, and the next cursor. Raises BadCursor."""
    query = select(Indicator)
    if asked.source is not None:
        query = query.where(Indicator.source == asked.source)
    text = asked.text.strip()
    if text and asked.whole:
        query = query.where(Indicator.value == written(text))
    elif text:
        parts = {text.lower(), written(text).lower()}
        query = query.where(or_(*(Indicator.value.icontains(one, autoescape=True) for one in parts)))
    return paging.page(session, query, [Indicator.added_at, Indicator.id], after, limit)


def lists(session: Session, now: int) -> dict[str, tuple[str, ...]]:
    """Return the lists of rules that indicators make which act at a moment, by their names."""
    query = select(Indicator.kind, Indicator.value).where(_acting(now)).order_by(Indicator.kind, Indicator.value)
    return of_lists([Value(Kind(kind), text) for kind, text in session.execute(query)])


def grown(session: Session) -> dict[str, int]:
    """Return for each list a number that is another when a value has come, and the same when values only went."""
    found: dict[str, int] = {}
    query = select(IndicatorChange.id, IndicatorChange.added).order_by(IndicatorChange.id)
    for number, added in session.execute(query):
        for kind in added:
            names = (LISTS[Kind(kind)], *((HOSTS, PATHS) if kind == Kind.URL else ()))
            found |= dict.fromkeys(names, number)
    return found


def mark(session: Session, now: int) -> Mark:
    """Return a value that changes when what `lists` returns may have; cheap enough for every second."""
    changed = session.scalar(select(func.max(IndicatorChange.id)))
    expired = session.scalar(select(func.max(Indicator.expires_at)).where(Indicator.expires_at <= now))
    return changed or 0, expired or 0


def _acting(now: int) -> ColumnElement[bool]:
    return or_(Indicator.expires_at.is_(None), Indicator.expires_at > now)
