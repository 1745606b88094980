"""Answers of the gateway, and the errors that become one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from agent.wire.clocks import TIME_HEADER

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, JSON body or ready bytes, and further headers."""

    status: int
    body: Mapping[str, object] | bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    media: bytes = b"application/json"

    def timed(self, now: int) -> Reply:
        """Return the same answer with the box's time, by which the other side measures its clock."""
        return replace(self, headers=(*self.headers, (TIME_HEADER.lower().encode(), b"%d" % now)))

    async def send(self, send: Send) -> None:
        """Send the answer."""
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = [(b"content-type", self.media), (b"content-length", b"%d" % len(content)), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


class Refused(Exception):
    """A request is not taken. 400, 401, 403 and 413 are final; 429 and 503 name the seconds to wait."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after

    def reply(self) -> Reply:
        """Return the answer to send."""
        wait = () if self.retry_after is None else ((b"retry-after", b"%d" % self.retry_after),)
        return Reply(self.status, {"error": self.reason}, wait)


class Gone(Exception):
    """The client left before its request was whole."""
