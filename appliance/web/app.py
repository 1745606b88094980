"""The app: every router, the headers, the bounds, and how errors are answered."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.web import pages
from appliance.web.api import ROUTERS
from appliance.web.context import Context
from appliance.web.description import describe
from appliance.web.faults import FAULTS
from appliance.web.limits import RateLimit, Rates
from appliance.web.problem import FieldFault, Problem, language_of, respond
from appliance.web.security import Answer, BodyLimit, SecurityHeaders, too_large
from appliance.web.stream import Broadcaster

_log = structlog.get_logger()
_CODES = {404: "not_found", 405: "method_not_allowed", 400: "malformed"}


def create_app(context: Context) -> FastAPI:
    """Return the app over a context."""
    app = FastAPI(
        title="Czujka",
        version="1",
        description="Security monitoring of a local-government office.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
    )
    app.state.error_page = None
    stand_on(app, context)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1")
    describe(app)
    for router in pages.routers:
        app.include_router(router)
    pages.install(app)
    app.add_middleware(BodyLimit, answer=_answer)
    app.add_middleware(Crashes)
    app.add_middleware(RateLimit)
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for kind in FAULTS:
        app.add_exception_handler(kind, _on_fault)
    return app


def stand_on(app: FastAPI, context: Context) -> None:
    """Let an app that answers nobody yet stand on a context, as if it were new."""
    app.state.context = context
    app.state.rates = Rates()
    app.state.broadcaster = Broadcaster(context.settings.database(context.home), context.sessions)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.broadcaster:
        yield


async def _answer(request: Request, problem: Problem, faults: list[FieldFault] | None = None) -> Response:
    page: Answer | None = request.app.state.error_page
    if page is not None and not request.url.path.startswith("/api/"):
        return await page(request, problem)
    return respond(request, problem, faults)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return await _answer(request, error, error.faults)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        FieldFault(field=".".join(map(str, fault["loc"]))[:200], fault=str(fault["msg"])[:300])
        for fault in error.errors()[:20]
    ]
    return await _answer(request, Problem(422, "invalid"), faults)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 413:
        return await _answer(request, too_large(request.scope, headers))
    code = _CODES.get(error.status_code, "unknown")
    return await _answer(request, Problem(error.status_code, code, headers=headers))


async def _on_fault(request: Request, error: Exception) -> Response:
    kind = next(kind for kind in type(error).__mro__ if kind in FAULTS)
    return await _answer(request, FAULTS[kind](error, language_of(request)))


class Crashes:
    """ASGI middleware that turns an unforeseen error into an answer with a number that the log has too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer 500 when that fails before an answer has begun."""
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        except Exception as error:
            incident = secrets.token_hex(4)
            _log.error("request_failed", incident=incident, path=scope.get("path"), exc_info=error)
            if scope["type"] != "http" or started:
                raise
            request = Request(scope, receive)
            answer = await _answer(request, Problem(500, "internal", values={"incident": incident}))
            await answer(scope, receive, send)
