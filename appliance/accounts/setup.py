"""The one-time set-up link of the first start: there is no default password."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.accounts.passwords import check_strength, hash_password
from appliance.accounts.secrets import fingerprint, new_secret
from appliance.accounts.sessions import SignedIn, open_session
from appliance.accounts.users import check_login, create_user
from appliance.clock import HOUR
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.state.models import Role, SetupLink, User

LIFETIME = 24 * HOUR


class BadSetupLink(Exception):
    """The set-up link is unknown, used or too old, or the box has its first person already."""


def needs_setup(session: Session) -> bool:
    """Say whether the box still waits for its first person."""
    return session.scalar(select(User.id).limit(1)) is None


def create_setup_link(session: Session, now: int) -> str:
    """Return the secret of a new one-time set-up link, good for 24 h; links made before stop working."""
    session.execute(delete(SetupLink).where(SetupLink.used_at.is_(None)))
    token = new_secret()
    session.add(SetupLink(token_hash=fingerprint(token), expires_at=now + LIFETIME))
    return token


def setup_open(session: Session, token: str, now: int) -> bool:
    """Say whether a set-up link may still be used."""
    link = session.get(SetupLink, fingerprint(token))
    return _good(link, now) and needs_setup(session)


def complete_setup(
    sessions: sessionmaker[Session], token: str, *, login: str, name: str, password: str, language: str, now: int
) -> SignedIn:
    """Use the set-up link: make the first administrator and sign them in. Takes about 0.2 s.

    Raises BadSetupLink; WeakPassword and BadLogin, after which the link is still good.
    """
    with sessions() as session:
        if not setup_open(session, token, now):
            raise BadSetupLink
    check_login(login)
    check_strength(password, login)
    password_hash = hash_password(password)
    with writing(sessions) as session:
        link = session.get(SetupLink, fingerprint(token), with_for_update=True)
        if link is None or not _good(link, now) or not needs_setup(session):
            raise BadSetupLink
        user = create_user(
            session,
            login=login,
            name=name,
            role=Role.ADMIN,
            password_hash=password_hash,
            language=language,
            now=now,
        )
        link.used_at = now
        record(session, user.login, "setup", user.login, now)
        return open_session(session, user, now)


def _good(link: SetupLink | None, now: int) -> bool:
    return link is not None and link.used_at is None and link.expires_at > now
