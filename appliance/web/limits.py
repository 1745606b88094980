"""Request rates per address, kept in this process."""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.web.problem import Problem, respond

REQUESTS = RateLimitItemPerMinute(3000)
"""Of any kind, by one address."""
SIGN_INS = (RateLimitItemPerMinute(20), RateLimitItemPerHour(120))
"""Passwords and set-up links tried from one address."""


class Rates:
    """Counters of one app."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, kind: str, address: str, *items: RateLimitItem) -> None:
        """Count one use. Raises Problem 429 with Retry-After when the address is past a limit."""
        for item in items:
            if not self._limiter.hit(item, kind, address):
                seconds = item.get_expiry() // item.amount + 1
                raise Problem(429, "too_many", values={"seconds": seconds}, headers={"Retry-After": str(seconds)})


def address_of(request: Request) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else "unknown"


def check_sign_in(request: Request) -> None:
    """Count a try to sign in. Raises Problem 429. A dependency of the routes that take passwords."""
    rates: Rates = request.app.state.rates
    rates.check("sign-in", address_of(request), *SIGN_INS)


class RateLimit:
    """ASGI middleware that bounds how many requests an address makes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that there are too many."""
        if scope["type"] == "http":
            request = Request(scope)
            rates: Rates = request.app.state.rates
            try:
                rates.check("request", address_of(request), REQUESTS)
            except Problem as problem:
                await respond(request, problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)
