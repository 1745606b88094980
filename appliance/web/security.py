"""Headers of every answer: strict content policy, no framing, no sniffing, nothing cached that is somebody's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.indicators.files import MAX_BYTES
from appliance.web.problem import Problem

MAX_BODY = 1 << 20
"""Bytes of a request's body."""
LARGER: Mapping[str, int] = MappingProxyType(
    {"/wskazniki": MAX_BYTES + MAX_BODY, "/api/v1/indicators/import": MAX_BYTES + 1}
)
"""Bytes of a body that is a list of indicators, by path. The routes read it once they know that its sender may.

Before that only the token of a form is looked for in it, of somebody who has signed in.
"""
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it browsers send `Origin: null` with forms, and the origin check would refuse them.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Strict-Transport-Security": "max-age=31536000",
}

Answer = Callable[[Request, Problem], Awaitable[Response]]
"""What answers a problem as whoever asked can read it."""


def limit_of(scope: Scope) -> int:
    """Return how many bytes the body of a request may have."""
    return LARGER.get(scope["path"], MAX_BODY)


def too_large(scope: Scope, headers: Mapping[str, str] = MappingProxyType({})) -> Problem:
    """Return what is told of a request whose body is larger than that."""
    limit = limit_of(scope)
    return Problem(413, "too_large", values={"limit": limit, "mb": limit // 1_000_000}, headers=dict(headers))


async def form_of(request: Request) -> FormData:
    """Return the form of a request; its parts are bounded as a whole, by the body's limit."""
    return await request.form(max_part_size=limit_of(request.scope))


class SecurityHeaders:
    """ASGI middleware that puts the headers on every answer; `Cache-Control: no-store` where a route says nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and put the headers on its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimit:
    """ASGI middleware that takes no body past its limit, whether its length was announced or not."""

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self.app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that its body is too large."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length, limit = Headers(scope=scope).get("content-length", ""), limit_of(scope)
        if length.isdecimal() and int(length) > limit:
            answer = await self._answer(Request(scope), too_large(scope, {"Connection": "close"}))
            await answer(scope, receive, send)
            return
        taken = 0

        async def bounded_receive() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413)
            return message

        await self.app(scope, bounded_receive, send)
