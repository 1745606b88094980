"""The way in and out: set-up link, sign-in, sign-out, and how the console looks in this browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.accounts import setup as first
from appliance.accounts import users
from appliance.accounts.passwords import LEAST, MOST, WeakPassword
from appliance.accounts.sessions import SignedIn, end_session
from appliance.state.database import writing
from appliance.web.auth import Principal, clear_session_cookie, require, set_session_cookie
from appliance.web.context import Box, Context
from appliance.web.i18n import LANGUAGES
from appliance.web.limits import address_of, check_sign_in
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import LONG_MEMORY, THEME_COOKIE, THEMES, back_to, page, safe_back
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Anybody = Annotated[Principal, Depends(require(Permission.PUBLIC))]
Text = Annotated[str, Form(max_length=200)]
Secret = Annotated[str, Form(max_length=400)]
_NAME = 120


@router.get("/ustaw")
def setup_form(request: Request, context: Box, who: Anybody, token: str = "") -> Response:
    """Show the form of the one-time set-up link, or say that it is used up."""
    with context.sessions() as session:
        good = first.setup_open(session, token[:200], context.now())
        needed = first.needs_setup(session)
    if good:
        return _setup_page(request, context, who, token, {}, {})
    return page(request, context, who, "door", "setup_over.html", status=410, needed=needed)


@router.post("/ustaw", dependencies=[Depends(check_sign_in)])
def setup(
    request: Request,
    context: Box,
    who: Anybody,
    token: Text,
    login: Text = "",
    name: Text = "",
    password: Secret = "",
    again: Secret = "",
) -> Response:
    """Make the first administrator and sign them in."""
    given = {"login": login.strip().lower(), "name": name.strip()}
    faults = _setup_faults(given, password, again, who.language)
    if faults:
        return _setup_page(request, context, who, token, given, faults)
    try:
        signed = first.complete_setup(
            context.sessions, token, **given, password=password, language=context.settings.language, now=context.now()
        )
    except WeakPassword:
        weak = {"password": catalogue().text("setup.weak", who.language, n=LEAST)}
        return _setup_page(request, context, who, token, given, weak)
    except (users.LoginTaken, users.BadLogin):
        taken = {"login": catalogue().text("users.taken", who.language)}
        return _setup_page(request, context, who, token, given, taken)
    except first.BadSetupLink:
        return page(request, context, who, "door", "setup_over.html", status=410, needed=True)
    return _welcome(signed, "/", "welcome")


def _setup_faults(given: dict[str, str], password: str, again: str, lang: str) -> dict[str, str]:
    def say(key: str) -> str:
        return catalogue().text(key, lang)

    faults = {}
    if not 1 <= len(given["name"]) <= _NAME:
        faults["name"] = say("setup.no_name")
    if not valid_login(given["login"]):
        faults["login"] = say("setup.bad_login")
    if password != again:
        faults["again"] = say("setup.differ")
    return faults


def valid_login(login: str) -> bool:
    """Say whether a text may be a login."""
    try:
        users.check_login(login)
    except users.BadLogin:
        return False
    return True


def _setup_page(
    request: Request, context: Context, who: Principal, token: str, given: dict[str, str], faults: dict[str, str]
) -> Response:
    status = 422 if faults else 200
    bounds = {"least": LEAST, "most": MOST}
    return page(
        request, context, who, "door", "setup.html", status=status, token=token, given=given, faults=faults, **bounds
    )


@router.get("/zaloguj")
def sign_in_form(request: Request, context: Box, who: Anybody, dalej: str = "/") -> Response:
    """Show the sign-in form."""
    if who.who:
        return back_to(safe_back(dalej))
    return page(request, context, who, "door", "login.html", back=safe_back(dalej), login="")


@router.post("/zaloguj", dependencies=[Depends(check_sign_in)])
def sign_in(
    request: Request, context: Box, who: Anybody, login: Text = "", password: Secret = "", dalej: str = Form("/")
) -> Response:
    """Sign a person in and lead them to the page they wanted."""
    back = safe_back(dalej)
    try:
        signed = users.sign_in(context.sessions, login, password, context.now(), address_of(request))
    except users.SignInFailed:
        fault = catalogue().text("login.failed", who.language, tries=users.TRIES)
        return page(request, context, who, "door", "login.html", status=401, back=back, login=login, fault=fault)
    return _welcome(signed, back)


def _welcome(signed: SignedIn, path: str, done: str = "") -> Response:
    answer = back_to(path, done)
    set_session_cookie(answer, signed.token)
    return answer


@router.post("/wyloguj")
def sign_out(context: Box, who: Annotated[Principal, Depends(require(Permission.SELF))]) -> Response:
    """End this browser's session."""
    with writing(context.sessions) as session:
        end_session(session, who.session_token)
    answer = back_to("/zaloguj", "signed_out")
    clear_session_cookie(answer)
    return answer


@router.post("/wyglad")
def appearance(
    who: Annotated[Principal, Depends(require(Permission.SELF))], theme: Text = "system", back: str = Form("/")
) -> Response:
    """Keep a theme for this browser; `system` forgets it."""
    answer = back_to(safe_back(back))
    if theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, max_age=LONG_MEMORY, path="/", secure=True, samesite="strict")
    else:
        answer.delete_cookie(THEME_COOKIE, path="/", secure=True, samesite="strict")
    return answer


def known_language(name: str) -> str:
    """Return a language of the product, Polish for any other name."""
    return name if name in LANGUAGES else "pl"
