"""Whether anchors have left the box: the newest one's ways, why one failed, and the day of the last that is out."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.deliver.outbox import DELIVERED, WAITING
from appliance.evidence.anchors import Sent, letter_of, newest, recipients
from appliance.evidence.ledger import Ledger
from appliance.home import Home
from appliance.language.dates import local
from appliance.settings import Settings
from appliance.state.models import Attempt, Outbox

FAILED, LEFT, UNSET = "failed", "left", "unset"


@dataclass(frozen=True, slots=True)
class Way:
    """A way off the box: `folder` or `mail`; it is UNSET, WAITING to be tried, FAILED so far for a reason, or LEFT."""

    name: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """ISO days of the newest anchor that was `made` and the newest that `left`, "" without one; the former's ways."""

    made: str
    left: str
    ways: tuple[Way, ...]

    @property
    def missing(self) -> bool:
        """Whether the newest anchor has gone no way, and is not just about to."""
        return bool(self.made) and not any(one.state in {LEFT, WAITING} for one in self.ways)

    @property
    def failing(self) -> tuple[Way, ...]:
        """The ways that failed."""
        return tuple(one for one in self.ways if one.state == FAILED)


def departed(home: Home, session: Session, settings: Settings) -> Departure | None:
    """Return how a box's anchors fare, None before its chain has begun. Raises sqlite3.Error, SQLAlchemyError."""
    if not home.evidence.exists():
        return None
    with Ledger(home.evidence) as ledger:
        return departure(ledger, session, settings)


def departure(ledger: Ledger, session: Session, settings: Settings) -> Departure:
    """Return how the anchors of a chain fare. Raises sqlite3.Error, SQLAlchemyError."""
    sent, mailed, left = newest(ledger), _mailed(session), ""
    for entry in ledger.of_kind("anchor"):
        day, ways = entry["payload"].get("day") or local(entry["at"]).date().isoformat(), entry["payload"]["ways"]
        if "folder" in ways or ("mail" in ways and day in mailed):
            left = day
    if sent is None:
        return Departure("", left, ())
    return Departure(sent.day, left, (_folder(sent, settings), _mail(session, sent, settings)))


def _mailed(session: Session) -> set[str]:
    """Return the days whose letter was delivered."""
    name = Outbox.letter["name"].as_string()
    query = select(name).where(Outbox.state == DELIVERED, Outbox.letter.is_not(None), name.like(letter_of("%")))
    return {found.removeprefix(letter_of("")) for found in session.scalars(query)}


def _folder(sent: Sent, settings: Settings) -> Way:
    if "folder" in sent.ways:
        return Way("folder", LEFT)
    return _not_gone("folder", sent, settings.evidence.folder is not None)


def _mail(session: Session, sent: Sent, settings: Settings) -> Way:
    """Say how the letter of a day fares, by its best copy."""
    if "mail" not in sent.ways:
        return _not_gone("mail", sent, bool(recipients(settings) and settings.mail.host))
    rows = session.scalars(select(Outbox).where(Outbox.letter["name"].as_string() == letter_of(sent.day))).all()
    if any(row.state == DELIVERED for row in rows):
        return Way("mail", LEFT)
    if any(row.state == WAITING and not row.tries for row in rows):
        return Way("mail", WAITING)
    tried = select(Attempt.detail).where(Attempt.outbox_id.in_([row.id for row in rows]))
    return Way("mail", FAILED, session.scalar(tried.order_by(Attempt.id.desc()).limit(1)) or "")


def _not_gone(name: str, sent: Sent, there: bool) -> Way:
    if not there:
        return Way(name, UNSET)
    reason = (sent.failed or {}).get(name, "")
    return Way(name, FAILED if reason else WAITING, reason)
