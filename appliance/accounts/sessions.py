"""Signed-in browsers: a random cookie, of which the box keeps only the SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session as Database

from appliance.accounts.secrets import fingerprint, new_secret
from appliance.clock import HOUR, MINUTE
from appliance.state.models import Session, User

LIFETIME = 12 * HOUR
IDLE = 8 * HOUR
_TOUCH = MINUTE
"""`seen_at` is written at most this often, so that reading a page is not a write."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was just opened: the cookie's value and the CSRF token of its forms."""

    user: User
    token: str
    csrf: str


def open_session(database: Database, user: User, now: int) -> SignedIn:
    """Open a session for a person."""
    token, csrf = new_secret(), new_secret()
    database.add(Session(token_hash=fingerprint(token), user_id=user.id, csrf=csrf, created_at=now, seen_at=now))
    return SignedIn(user, token, csrf)


def find_session(database: Database, token: str, now: int) -> tuple[User, Session] | None:
    """Return the person and session of a cookie, None when it is unknown, over, or the person is disabled."""
    session = database.get(Session, fingerprint(token))
    if session is None or is_over(session, now):
        return None
    user = database.get(User, session.user_id)
    return None if user is None or user.disabled else (user, session)


def is_over(session: Session, now: int) -> bool:
    """Say whether a session is too old or was idle for too long. A clock that went back ends nothing."""
    return now - session.created_at >= LIFETIME or now - session.seen_at >= IDLE


def is_stale(session: Session, now: int) -> bool:
    """Say whether `seen_at` should be written again."""
    return now - session.seen_at >= _TOUCH


def touch(database: Database, token_hash: str, now: int) -> None:
    """Note that a session was used."""
    session = database.get(Session, token_hash)
    if session is not None:
        session.seen_at = now


def end_session(database: Database, token: str) -> None:
    """Sign a browser out."""
    database.execute(delete(Session).where(Session.token_hash == fingerprint(token)))


def end_sessions_of(database: Database, user_id: int, except_token: str | None = None) -> None:
    """Sign a person out everywhere, except in one browser."""
    keep = fingerprint(except_token) if except_token else ""
    database.execute(delete(Session).where(Session.user_id == user_id, Session.token_hash != keep))


def forget_over(database: Database, now: int) -> None:
    """Delete the sessions that are over."""
    over = or_(Session.created_at <= now - LIFETIME, Session.seen_at <= now - IDLE)
    database.execute(delete(Session).where(over))
