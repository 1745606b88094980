"""People: their accounts, and sign-in with lockout."""

from __future__ import annotations

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from appliance import clock
from appliance.accounts.passwords import check_strength, hash_password, verify_password
from appliance.accounts.sessions import SignedIn, end_sessions_of, forget_over, open_session
from appliance.clock import MINUTE, SECOND
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.state.models import Role, User

TRIES = 5
"""Wrong passwords before an account waits."""
_FIRST_WAIT = 30 * SECOND
LONGEST_WAIT = 15 * MINUTE
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


class SignInFailed(Exception):
    """Wrong login, wrong password, disabled, or waiting after wrong tries: the same answer for all."""


class LoginTaken(ValueError):
    """Another person has this login."""


class BadLogin(ValueError):
    """A login is 2 to 64 of a-z 0-9 . _ - and starts with a letter or digit."""


class LastAdmin(ValueError):
    """The change would leave nobody who may administer the box."""


def check_login(text: str) -> str:
    """Return a login in its one form. Raises BadLogin."""
    login = text.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise BadLogin(login)
    return login


def wait_after(failures: int) -> int:
    """Return how long an account waits after so many wrong passwords in a row, in microseconds; it doubles."""
    over = failures - TRIES
    return 0 if over < 0 else min(LONGEST_WAIT, _FIRST_WAIT << min(over, 16))


def sign_in(sessions: sessionmaker[Session], login: str, password: str, now: int, address: str = "") -> SignedIn:
    """Check a login and a password and open a session. Takes about 0.2 s: run it in a thread.

    A try is counted before the password is checked, so that tries side by side cannot outrun the lockout.

    Raises SignInFailed.
    """
    with writing(sessions) as session:
        known = _count_try(session, login, now)
    if not verify_password(password, known.password_hash if known else None) or known is None:
        with writing(sessions) as session:
            record(session, login[:64], "sign_in.failed", address, now)
        raise SignInFailed
    with writing(sessions) as session:
        user = session.get(User, known.id)
        if user is None or user.disabled or user.password_hash != known.password_hash:
            raise SignInFailed
        user.failures, user.locked_until = 0, None
        forget_over(session, now)
        record(session, user.login, "sign_in", address, now)
        return open_session(session, user, now)


def _count_try(session: Session, login: str, now: int) -> User | None:
    user = session.scalar(select(User).where(User.login == login.strip().lower()).with_for_update())
    if user is None or user.disabled or (user.locked_until or 0) > now:
        return None
    user.failures += 1
    wait = wait_after(user.failures)
    user.locked_until = now + wait if wait else None
    return user


def create_user(
    session: Session, *, login: str, name: str, role: Role, password_hash: str, language: str, now: int
) -> User:
    """Add a person. Raises LoginTaken, BadLogin."""
    login = check_login(login)
    if session.scalar(select(User.id).where(User.login == login)) is not None:
        raise LoginTaken(login)
    user = User(
        login=login, name=name.strip(), role=role, password_hash=password_hash, language=language, created_at=now
    )
    session.add(user)
    session.flush()
    return user


def change_password(
    sessions: sessionmaker[Session], user_id: int, old: str, new: str, token: str | None, *, now: int | None = None
) -> None:
    """Change a person's own password and sign every other browser of theirs out.

    Raises SignInFailed when the old one is wrong, WeakPassword when the new one will not do.
    """
    with sessions() as session:
        user = session.get(User, user_id)
    if user is None or not verify_password(old, user.password_hash):
        raise SignInFailed
    set_password(sessions, user, new, user.login, token=token, now=now)


def set_password(
    sessions: sessionmaker[Session], user: User, new: str, who: str, *, token: str | None = None, now: int | None = None
) -> None:
    """Give a person a new password and sign them out everywhere but in one browser. Raises WeakPassword."""
    check_strength(new, user.login)
    password_hash = hash_password(new)
    with writing(sessions) as session:
        kept = session.get_one(User, user.id)
        kept.password_hash, kept.failures, kept.locked_until = password_hash, 0, None
        end_sessions_of(session, user.id, token)
        record(session, who, "password.changed", user.login, clock.now() if now is None else now)


def change_user(
    session: Session, user: User, *, name: str | None = None, role: Role | None = None, disabled: bool | None = None
) -> None:
    """Change a person's name, role or whether they may sign in. Raises LastAdmin."""
    loses = (role is not None and role != Role.ADMIN) or disabled is True
    if loses and user.role == Role.ADMIN and not user.disabled and _admins(session) == 1:
        raise LastAdmin
    user.name = user.name if name is None else name.strip()
    user.role = user.role if role is None else role
    if disabled is not None:
        user.disabled = disabled
    if disabled:
        end_sessions_of(session, user.id)


def _admins(session: Session) -> int:
    mine = select(func.count()).select_from(User).where(User.role == Role.ADMIN, User.disabled.is_(False))
    return session.scalar(mine) or 0
