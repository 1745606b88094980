"""Questions to the store end when the one who asked has gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from fastapi import Request

from appliance.store.bounds import bounded


async def stoppable(request: Request) -> AsyncIterator[None]:
    """Stop the questions of a request when its connection closes. A dependency of routes that ask the store."""
    flag = threading.Event()
    watch = asyncio.create_task(_watch(request, flag))
    try:
        with bounded(stop=flag):
            yield
    finally:
        watch.cancel()


async def _watch(request: Request, flag: threading.Event) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    flag.set()
