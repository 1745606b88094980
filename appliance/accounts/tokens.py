"""API tokens `czj_…` with scopes. The box keeps the SHA-256; the token itself is shown once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.accounts.secrets import fingerprint, new_secret
from appliance.clock import MINUTE
from appliance.state.models import ApiToken
from appliance.web.policy import Scope

PREFIX = "czj_"
LOCAL_SCOPES = (Scope.ADMIN,)
"""Scopes of the token that the command line of this machine uses."""
_TOUCH = MINUTE


def issue(session: Session, name: str, scopes: Iterable[Scope], now: int) -> tuple[ApiToken, str]:
    """Make a token; return its row and the token itself, which cannot be had again."""
    secret = new_secret(PREFIX)
    row = ApiToken(name=name, token_hash=fingerprint(secret), scopes=sorted(set(scopes)), created_at=now)
    session.add(row)
    session.flush()
    return row, secret


def create_token(session: Session, name: str, scopes: Iterable[Scope], now: int) -> str:
    """Make a token and return it; it cannot be had again."""
    return issue(session, name, scopes, now)[1]


def find_token(session: Session, secret: str) -> ApiToken | None:
    """Return the row of a token in force."""
    if not secret.startswith(PREFIX):
        return None
    row = session.scalar(select(ApiToken).where(ApiToken.token_hash == fingerprint(secret)))
    return None if row is None or row.revoked_at is not None else row


def is_stale(token: ApiToken, now: int) -> bool:
    """Say whether `used_at` should be written again."""
    return token.used_at is None or now - token.used_at >= _TOUCH


def touch(session: Session, token_id: int, now: int) -> None:
    """Note that a token was used."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=now))


def revoke_token(_session: Session, token: ApiToken, now: int) -> None:
    """Take a token out of force; a second time changes nothing."""
    token.revoked_at = token.revoked_at or now
