"""API tokens and people; only for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.accounts import tokens, users
from appliance.accounts.passwords import LEAST, MOST, check_strength, hash_password
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.state.models import ApiToken, Role, User
from appliance.web.api.common import Answer, Number, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.policy import Permission, Scope
from appliance.web.problem import Problem

router = api_router("accounts")
TokenManager = Annotated[Principal, Depends(require(Permission.TOKENS_MANAGE))]
UserManager = Annotated[Principal, Depends(require(Permission.USERS_MANAGE))]


class TokenAnswer(Answer):
    """A token, without its secret."""

    id: int
    name: str
    scopes: list[str]
    created_at: int
    used_at: int | None
    revoked_at: int | None


class NewToken(TokenAnswer):
    """A token with its secret, which cannot be had again."""

    token: str


class TokenBody(BaseModel):
    """What a token is to be."""

    name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    scopes: list[Scope] = Field(min_length=1, max_length=20)


class UserAnswer(Answer):
    """A person."""

    id: int
    login: str
    name: str
    role: Role
    language: str
    created_at: int
    disabled: bool


class UserBody(BaseModel):
    """A new person."""

    login: str = Field(min_length=2, max_length=64)
    name: str = Field(min_length=1, max_length=120, pattern=r"\S")
    role: Role
    password: str = Field(min_length=LEAST, max_length=MOST)
    language: str = Field("pl", pattern="^(pl|en)$")


class UserChange(BaseModel):
    """What changes; what is absent stays."""

    name: str | None = Field(None, min_length=1, max_length=120, pattern=r"\S")
    role: Role | None = None
    disabled: bool | None = None
    password: str | None = Field(None, min_length=LEAST, max_length=MOST)


@router.get("/tokens", dependencies=needs(Permission.TOKENS_MANAGE))
def list_tokens(
    context: Box,
) -> list[TokenAnswer]:
    """Return all tokens, newest first."""
    with context.sessions() as session:
        rows = session.scalars(select(ApiToken).order_by(ApiToken.id.desc()).limit(1000))
        return [TokenAnswer.model_validate(row) for row in rows]


@router.post("/tokens", status_code=201)
def create_token(context: Box, who: TokenManager, body: TokenBody) -> NewToken:
    """Make a token; its secret is in this answer only."""
    now = context.now()
    with writing(context.sessions) as session:
        row, secret = tokens.issue(session, body.name.strip(), body.scopes, now)
        record(session, who.who, "token.created", row.name, now, scopes=row.scopes)
        return NewToken(**TokenAnswer.model_validate(row).model_dump(), token=secret)


@router.delete("/tokens/{token_id}")
def revoke_token(context: Box, who: TokenManager, token_id: Number) -> TokenAnswer:
    """Take a token out of force."""
    now = context.now()
    with writing(context.sessions) as session:
        row = session.get(ApiToken, token_id)
        if row is None:
            raise Problem(404, "token_unknown")
        tokens.revoke_token(session, row, now)
        record(session, who.who, "token.revoked", row.name, now)
        return TokenAnswer.model_validate(row)


@router.get("/users", dependencies=needs(Permission.USERS_MANAGE))
def list_users(
    context: Box,
) -> list[UserAnswer]:
    """Return everybody who has an account."""
    with context.sessions() as session:
        rows = session.scalars(select(User).order_by(User.login).limit(1000))
        return [UserAnswer.model_validate(row) for row in rows]


@router.get("/users/{user_id}", dependencies=needs(Permission.USERS_MANAGE))
def get_user(context: Box, user_id: Number) -> UserAnswer:
    """Return one person."""
    with context.sessions() as session:
        return UserAnswer.model_validate(_user(session, user_id))


@router.post("/users", status_code=201)
def create_user(context: Box, who: UserManager, body: UserBody) -> UserAnswer:
    """Add a person."""
    login = users.check_login(body.login)
    check_strength(body.password, login)
    password_hash = hash_password(body.password)
    now = context.now()
    with writing(context.sessions) as session:
        user = users.create_user(
            session,
            login=login,
            name=body.name,
            role=body.role,
            password_hash=password_hash,
            language=body.language,
            now=now,
        )
        record(session, who.who, "user.created", user.login, now, role=body.role)
        return UserAnswer.model_validate(user)


@router.patch("/users/{user_id}")
def change_user(context: Box, who: UserManager, user_id: Number, body: UserChange) -> UserAnswer:
    """Change a person; a new password signs them out everywhere."""
    now = context.now()
    with context.sessions() as session:
        user = _user(session, user_id)
    if body.password is not None:
        users.set_password(context.sessions, user, body.password, who.who, now=now)
    with writing(context.sessions) as session:
        user = _user(session, user_id)
        users.change_user(session, user, name=body.name, role=body.role, disabled=body.disabled)
        changed = body.model_dump(exclude={"password"}, exclude_none=True)
        if changed:
            record(session, who.who, "user.changed", user.login, now, **changed)
        return UserAnswer.model_validate(user)


def _user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise Problem(404, "user_unknown")
    return user
