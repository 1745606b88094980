"""The outbox: one row a recipient of an alert, made in the transaction that makes the alert; or a letter of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from appliance.clock import HOUR, SECOND
from appliance.settings import Settings
from appliance.state.models import Alert, Attempt, Outbox

WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
EMAIL, WEBHOOK = "email", "webhook"
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, HOUR
MAX_TRIES = 33
"""Ten pauses from 5 s to 43 min and 22 of an hour make 23½ hours. Counted, so that a moved clock gives nothing up."""
MAX_TARGET = 255
MAX_DETAIL = 500
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Due:
    """A message that should leave now."""

    id: int
    alert_id: int | None
    letter: Mapping[str, str] | None
    channel: str
    target: str
    tries: int


def targets(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (channel, target) of every place that alerts go to."""
    yield from by_mail(settings.mail.recipients)
    for webhook in settings.webhooks:
        yield WEBHOOK, target_of(str(webhook.url))


def by_mail(recipients: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (channel, target) of people who get e-mail."""
    for recipient in recipients:
        yield EMAIL, recipient[:MAX_TARGET]


def target_of(url: str) -> str:
    """Return a webhook's address as the outbox names it: a long one is cut, and ends with its hash."""
    if len(url) <= MAX_TARGET:
        return url
    return f"{url[: MAX_TARGET - 17]}#{sha256(url.encode()).hexdigest()[:16]}"


def enqueue(session: Session, alerts: Sequence[Alert], settings: Settings, now: int) -> None:
    """Put a message a target into the outbox for alerts whose level asks for it; asking again adds nothing."""
    wanted = [alert.id for alert in alerts if alert.level >= settings.min_level]
    known: set[tuple[int, str, str]] = set()
    for start in range(0, len(wanted), _CHUNK):
        numbers = wanted[start : start + _CHUNK]
        query = select(Outbox.alert_id, Outbox.channel, Outbox.target).where(Outbox.alert_id.in_(numbers))
        known.update((number or 0, channel, target) for number, channel, target in session.execute(query))
    for alert in wanted:
        for channel, target in targets(settings):
            if (alert, channel, target) not in known:
                known.add((alert, channel, target))
                session.add(Outbox(alert_id=alert, channel=channel, target=target, next_at=now, created_at=now))


def post(session: Session, letter: Mapping[str, str], places: Iterable[tuple[str, str]], now: int) -> None:
    """Put a letter of the box itself into the outbox, one a place (channel, target): its `name`, `subject` and `body`.

    One of a name that was posted before is not posted again.
    """
    if session.scalar(select(Outbox.id).where(Outbox.letter["name"].as_string() == letter["name"]).limit(1)):
        return
    for channel, target in dict.fromkeys(places):
        session.add(Outbox(letter=dict(letter), channel=channel, target=target, next_at=now, created_at=now))


def due(session: Session, now: int, limit: int = 50) -> list[Due]:
    """Return messages that should leave now, the longest waiting first.

    One that waits for longer than any pause was scheduled before the clock went back, and is due too.
    """
    rows = session.scalars(
        select(Outbox)
        .where(Outbox.state == WAITING, or_(Outbox.next_at <= now, Outbox.next_at > now + LONGEST_PAUSE))
        .order_by(Outbox.next_at, Outbox.id)
        .limit(limit)
    )
    return [Due(row.id, row.alert_id, row.letter, row.channel, row.target, row.tries) for row in rows]


def record(session: Session, outbox_id: int, fault: str | None, now: int) -> None:
    """Write down a try. `fault` is None when the message was delivered; else it is tried again later, or given up."""
    row = session.get(Outbox, outbox_id)
    if row is None:
        return
    row.tries += 1
    session.add(Attempt(outbox_id=row.id, at=now, ok=fault is None, detail=(fault or "")[:MAX_DETAIL]))
    if fault is None:
        row.state = DELIVERED
    elif row.tries >= MAX_TRIES:
        row.state = FAILED
    else:
        row.next_at = now + pause_after(row.tries)


def pause_after(tries: int) -> int:
    """Return the microseconds to wait after so many failed tries: doubled each time, from 5 s to an hour."""
    return int(min(FIRST_PAUSE << min(tries - 1, 16), LONGEST_PAUSE))
