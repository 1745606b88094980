"""What every page shows around its content: who is here, what waits, whether the box watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import func, select

from agent import __version__
from appliance.state.models import Agent, AgentState, Alert, AlertState
from appliance.stations.silence import SILENT
from appliance.web.auth import Principal
from appliance.web.context import Context
from appliance.web.pages.render import catalogue, render
from appliance.web.policy import Permission

THEME_COOKIE = "czujka_theme"
KEYS_COOKIE = "czujka_keys"
THEMES = ("light", "dark")
LONG_MEMORY = 365 * 24 * 3600
"""Seconds that a browser keeps how the console looks."""


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the main navigation."""

    name: str
    href: str


NAV = (
    NavItem("pulpit", "/"),
    NavItem("alerts", "/alerty"),
    NavItem("events", "/zdarzenia"),
    NavItem("stations", "/stacje"),
    NavItem("rules", "/reguly"),
    NavItem("indicators", "/wskazniki"),
    NavItem("hunts", "/poszukiwania"),
    NavItem("reports", "/raporty"),
    NavItem("health", "/zdrowie"),
)
_MAY = {
    "act": Permission.ALERTS_ACT,
    "users": Permission.USERS_MANAGE,
    "tokens": Permission.TOKENS_MANAGE,
    "agents": Permission.AGENTS_MANAGE,
    "export": Permission.EVENTS_EXPORT,
    "packets": Permission.PACKETS_TAKE,
    "keep": Permission.SEARCHES_KEEP,
    "report": Permission.REPORTS_MAKE,
    "rules": Permission.RULES_MANAGE,
    "except": Permission.EXCEPTIONS_PROPOSE,
    "approve": Permission.EXCEPTIONS_APPROVE,
    "indicate": Permission.INDICATORS_MANAGE,
    "hunt": Permission.HUNTS_MAKE,
    "hold": Permission.HOLDS_SET,
}
"""The names by which templates ask whether to show a control; the routes check again."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The lamp: how many sources of all that should be heard are heard."""

    live: int
    total: int

    @property
    def kind(self) -> str:
        """The state's mark: ok, late, bad or off."""
        if self.total == 0:
            return "off"
        if self.live == self.total:
            return "ok"
        return "late" if self.live else "bad"

    @property
    def key(self) -> str:
        """The catalogue key under `lamp.`."""
        return {"ok": "watching", "late": "watching", "bad": "blind", "off": "empty"}[self.kind]


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of one page."""

    page: str
    path: str
    user: str
    csrf: str
    may: frozenset[str]
    office: str
    waiting: int
    watch: Watch
    now: int
    theme: str = ""
    keys: bool = True
    done: str = ""
    version: str = __version__
    nav: tuple[NavItem, ...] = NAV


def shell(request: Request, context: Context, who: Principal, page: str) -> Shell:
    """Gather the frame of a page for a principal."""
    now = context.now()
    waiting, watch = (0, Watch(0, 0)) if not who.who else _state(context, now)
    theme = request.cookies.get(THEME_COOKIE, "")
    done = f"done.{request.query_params.get('ok', '')[:40]}"
    return Shell(
        page=page,
        path=own_path(request),
        user=who.name or who.who,
        csrf=who.csrf,
        may=frozenset(name for name, permission in _MAY.items() if who.may(permission)),
        office=context.settings.office.name,
        waiting=waiting,
        watch=watch,
        now=now,
        theme=theme if theme in THEMES else "",
        keys=request.cookies.get(KEYS_COOKIE) != "off",
        done=done if done in catalogue() else "",
    )


def _state(context: Context, now: int) -> tuple[int, Watch]:
    active = select(func.count()).select_from(Agent).where(Agent.state == AgentState.ACTIVE)
    with context.sessions() as session:
        waiting = session.scalar(select(func.count()).select_from(Alert).where(Alert.state == AlertState.NEW)) or 0
        live = session.scalar(active.where(Agent.seen_at > now - SILENT)) or 0
        return waiting, Watch(live, session.scalar(active) or 0)


_LIVE = "/na-zywo"
_NOT_OWN = ("ok=", "wszystko=", "bylo=")


def own_path(request: Request) -> str:
    """Return the path and query of a page without what only reports a result; for `back` fields.

    A part that an open page fetches for itself stands for the page: nobody should be led to the part.
    """
    query = "&".join(part for part in request.url.query.split("&") if part and not part.startswith(_NOT_OWN))
    return (request.url.path.removesuffix(_LIVE) or "/") + (f"?{query}" if query else "")


def safe_back(path: str, default: str = "/") -> str:
    """Return a path of this site, or the default: never another site, a scheme, or a second slash."""
    parts = urlsplit(path)
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    clean = all(sign.isprintable() and sign != "\\" for sign in path)
    return path if ours and clean and len(path) <= 2000 else default


def back_to(path: str, done: str = "") -> Response:
    """Answer a form: see another page of this site, which says what was done."""
    target, _, fragment = path.partition("#")
    if done:
        target += ("&" if "?" in target else "?") + f"ok={quote(done)}"
    return RedirectResponse(target + (f"#{fragment}" if fragment else ""), status_code=303)


def page(
    request: Request, context: Context, who: Principal, name: str, template: str, /, status: int = 200, **values: Any
) -> HTMLResponse:
    """Render a page inside its frame."""
    frame = shell(request, context, who, name)
    return HTMLResponse(render(template, who.language, frame.now, {"shell": frame, **values}), status)
