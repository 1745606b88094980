"""A person's own account, and for administrators the people and the API tokens of the box."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy import select

from appliance.accounts import tokens, users
from appliance.accounts.passwords import LEAST, WeakPassword, hash_password
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.state.models import ApiToken, Role, User
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.door import Secret, Text, known_language, valid_login
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import KEYS_COOKIE, LONG_MEMORY, back_to, page
from appliance.web.policy import Permission, Scope
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Self = Annotated[Principal, Depends(require(Permission.SELF))]
UsersAdmin = Annotated[Principal, Depends(require(Permission.USERS_MANAGE))]
TokensAdmin = Annotated[Principal, Depends(require(Permission.TOKENS_MANAGE))]


@router.get("/konto")
def account(request: Request, context: Box, who: Self) -> Response:
    """Show password, language and keys."""
    return page(request, context, who, "account", "account.html", faults={})


@router.post("/konto/haslo")
def change_password(
    request: Request, context: Box, who: Self, old: Secret = "", password: Secret = "", again: Secret = ""
) -> Response:
    """Change one's own password; other browsers are signed out."""
    faults = {}
    if password != again:
        faults["again"] = catalogue().text("setup.differ", who.language)
    elif who.user_id is not None:
        try:
            users.change_password(context.sessions, who.user_id, old, password, who.session_token)
            return back_to("/konto", "password")
        except users.SignInFailed:
            faults["old"] = catalogue().text("account.wrong_password", who.language)
        except WeakPassword:
            faults["password"] = catalogue().text("setup.weak", who.language, n=LEAST)
    return page(request, context, who, "account", "account.html", status=422, faults=faults)


@router.post("/konto/jezyk")
def change_language(context: Box, who: Self, language: Text) -> Response:
    """Choose the language of the console."""
    with writing(context.sessions) as session:
        session.get_one(User, who.user_id).language = known_language(language)
    return back_to("/konto", "language")


@router.post("/konto/skroty")
def change_keys(who: Self, keys: Text = "") -> Response:
    """Turn single-key shortcuts on or off in this browser."""
    answer = back_to("/konto", "keys")
    value = "on" if keys == "on" else "off"
    answer.set_cookie(KEYS_COOKIE, value, max_age=LONG_MEMORY, path="/", secure=True, samesite="strict")
    return answer


def _users_page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    with context.sessions() as session:
        people = list(session.scalars(select(User).order_by(User.name, User.id)))
    defaults: dict[str, Any] = {"faults": {}, "given": {}, "made": None}
    return page(
        request,
        context,
        who,
        "users",
        "users.html",
        status=status,
        people=people,
        roles=list(Role),
        **defaults | values,
    )


@router.get("/osoby")
def people(request: Request, context: Box, who: UsersAdmin) -> Response:
    """List the people who may sign in."""
    return _users_page(request, context, who)


@router.post("/osoby")
def add_person(
    request: Request, context: Box, who: UsersAdmin, login: Text = "", name: Text = "", role: Text = ""
) -> Response:
    """Add a person with a first password that is shown once."""
    given = {"login": login.strip().lower(), "name": name.strip(), "role": role}
    faults = {}
    if not valid_login(given["login"]):
        faults["login"] = catalogue().text("setup.bad_login", who.language)
    if not 1 <= len(given["name"]) <= 120:
        faults["name"] = catalogue().text("setup.no_name", who.language)
    if faults or role not in set(Role):
        return _users_page(request, context, who, status=422, faults=faults, given=given)
    password = secrets.token_urlsafe(12)
    hashed = hash_password(password)
    try:
        with writing(context.sessions) as session:
            made = users.create_user(
                session,
                login=given["login"],
                name=given["name"],
                role=Role(role),
                password_hash=hashed,
                language=context.settings.language,
                now=context.now(),
            )
            record(session, who.who, "user.created", made.login, context.now(), role=role)
    except (users.LoginTaken, users.BadLogin):
        taken = {"login": catalogue().text("users.taken", who.language)}
        return _users_page(request, context, who, status=422, faults=taken, given=given)
    return _users_page(request, context, who, status=201, made={"login": given["login"], "password": password})


@router.post("/osoby/{user_id}")
def change_person(
    request: Request, context: Box, who: UsersAdmin, user_id: int, role: Text = "", disabled: Text = ""
) -> Response:
    """Change a person's role, or whether they may sign in."""
    try:
        with writing(context.sessions) as session:
            user = session.get(User, user_id)
            if user is None:
                raise Problem(404, "not_found")
            wanted = Role(role) if role in set(Role) else None
            users.change_user(session, user, role=wanted, disabled={"yes": True, "no": False}.get(disabled))
            record(session, who.who, "user.changed", user.login, context.now(), role=role, disabled=disabled)
    except users.LastAdmin:
        fault = catalogue().text("users.last_admin", who.language)
        return _users_page(request, context, who, status=409, fault=fault)
    return back_to("/osoby", "user_changed")


def _tokens_page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    with context.sessions() as session:
        rows = list(session.scalars(select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())))
    defaults: dict[str, Any] = {"made": "", "given": {}}
    return page(
        request,
        context,
        who,
        "tokens",
        "tokens.html",
        status=status,
        rows=rows,
        scopes=list(Scope),
        **defaults | values,
    )


@router.get("/tokeny")
def token_list(request: Request, context: Box, who: TokensAdmin) -> Response:
    """List the API tokens."""
    return _tokens_page(request, context, who)


@router.post("/tokeny")
def add_token(
    request: Request,
    context: Box,
    who: TokensAdmin,
    name: Text = "",
    scopes: Annotated[list[str] | None, Form(max_length=20)] = None,
) -> Response:
    """Make an API token and show it this once."""
    wanted = [Scope(scope) for scope in scopes or [] if scope in set(Scope)]
    if not name.strip() or not wanted:
        fault = catalogue().text("tokens.incomplete", who.language)
        given = {"name": name, "scopes": wanted}
        return _tokens_page(request, context, who, status=422, fault=fault, given=given)
    with writing(context.sessions) as session:
        secret = tokens.create_token(session, name.strip()[:120], wanted, context.now())
        record(
            session, who.who, "token.created", name.strip()[:120], context.now(), scopes=[str(one) for one in wanted]
        )
    return _tokens_page(request, context, who, status=201, made=secret)


@router.post("/tokeny/{token_id}/cofnij")
def revoke_token(context: Box, who: TokensAdmin, token_id: int) -> Response:
    """Take an API token out of force."""
    with writing(context.sessions) as session:
        row = session.get(ApiToken, token_id)
        if row is None:
            raise Problem(404, "not_found")
        tokens.revoke_token(session, row, context.now())
        record(session, who.who, "token.revoked", row.name, context.now())
    return back_to("/tokeny", "token_revoked")
