"""Who asks: the dependencies through which every route learns its principal and checks its permission."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response, params
from fastapi.concurrency import run_in_threadpool

from appliance.accounts import sessions as browsers
from appliance.accounts import tokens
from appliance.alerts.service import ROBOT, Actor
from appliance.state.database import writing
from appliance.state.models import Role
from appliance.web import policy
from appliance.web.context import Box, Context
from appliance.web.policy import Permission
from appliance.web.problem import Problem, language_of
from appliance.web.security import form_of

COOKIE = "czujka_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
"""Name of the hidden field of every form that changes something."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SECRET_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Principal:
    """A person in a browser, a token, or nobody."""

    who: str = ""
    """The login, `token:NAME`, or nothing."""
    name: str = ""
    user_id: int | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    csrf: str = ""
    language: str = "en"
    permissions: frozenset[Permission] = field(default=frozenset({Permission.PUBLIC}))
    session_token: str = field(default="", repr=False)

    @property
    def actor(self) -> Actor:
        """This principal as the services know who acts."""
        return Actor(self.who, self.user_id)

    def may(self, permission: Permission) -> bool:
        """Say whether the policy lets this principal do something."""
        return permission in self.permissions


async def identify(request: Request, context: Box) -> Principal:
    """Return who asks; nobody when there is neither a valid token nor a valid session.

    Raises Problem 401 for a bad token, 403 for a change from a browser without its CSRF token or from another site.
    """
    authorization = request.headers.get("authorization", "")
    if authorization:
        return await run_in_threadpool(_by_token, context, authorization[: _SECRET_LENGTH * 2])
    cookie = request.cookies.get(COOKIE, "")[:_SECRET_LENGTH]
    principal = await run_in_threadpool(_by_cookie, context, cookie) if cookie else None
    if request.method not in _SAFE:
        check_origin(request)
        if principal is not None:
            await _check_csrf(request, principal)
    return principal or Principal(language=language_of(request))


def _by_token(context: Context, authorization: str) -> Principal:
    scheme, _, secret = authorization.partition(" ")
    with context.sessions() as session:
        row = tokens.find_token(session, secret.strip()) if scheme.lower() == "bearer" else None
    if row is None:
        raise Problem(401, "unauthenticated", headers={"WWW-Authenticate": "Bearer"})
    now = context.now()
    if tokens.is_stale(row, now):
        with writing(context.sessions) as session:
            tokens.touch(session, row.id, now)
    scopes = frozenset(row.scopes)
    return Principal(who=f"{ROBOT}{row.name}", name=row.name, scopes=scopes, permissions=policy.of_scopes(scopes))


def _by_cookie(context: Context, cookie: str) -> Principal | None:
    now = context.now()
    with context.sessions() as session:
        found = browsers.find_session(session, cookie, now)
    if found is None:
        return None
    user, browser = found
    if browsers.is_stale(browser, now):
        with writing(context.sessions) as session:
            browsers.touch(session, browser.token_hash, now)
    return Principal(
        who=user.login,
        name=user.name,
        user_id=user.id,
        role=Role(user.role),
        csrf=browser.csrf,
        language=user.language,
        permissions=policy.of_role(Role(user.role)),
        session_token=cookie,
    )


def check_origin(request: Request) -> None:
    """Refuse a change that a page of another site makes (also without a session: sign-in, set-up). Raises Problem."""
    origin = request.headers.get("origin")
    if origin is None:
        same = request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    else:
        same = urlsplit(origin).scheme == request.url.scheme and urlsplit(origin).netloc == request.headers.get("host")
    if not same:
        raise Problem(403, "csrf")


async def _check_csrf(request: Request, principal: Principal) -> None:
    given: object = request.headers.get(CSRF_HEADER)
    kind = request.headers.get("content-type", "")
    if given is None and kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        given = (await form_of(request)).get(CSRF_FIELD)
    if not isinstance(given, str) or not secrets.compare_digest(given.encode(), principal.csrf.encode()):
        raise Problem(403, "csrf")


current = Annotated[Principal, Depends(identify)]
"""Parameter type of a route that wants to know who asks; it checks nothing by itself."""


class Require:
    """A dependency that lets a request through if its principal has a permission, and returns the principal."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, principal: current) -> Principal:
        """Return the principal. Raises Problem 401 for nobody, 403 for somebody who may not."""
        if principal.may(self.permission):
            return principal
        raise Problem(403, "forbidden") if principal.who else Problem(401, "unauthenticated")


def require(permission: Permission) -> Require:
    """Return the dependency for a permission: `who: Annotated[Principal, Depends(require(Permission.X))]`."""
    return Require(permission)


def needs(permission: Permission) -> list[params.Depends]:
    """Return the `dependencies` of a route that needs a permission but not the principal."""
    return [Depends(Require(permission))]


def set_session_cookie(response: Response, token: str) -> None:
    """Put the session cookie on an answer."""
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")


def clear_session_cookie(response: Response) -> None:
    """Take the session cookie from the browser."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
