"""Live changes for browsers: one task watches the state database and hands its feed to every listener."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson
import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import func, make_url, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.state.models import Alert, Feed
from appliance.web.problem import Problem

POLL = 0.1
"""Seconds between two looks at the database."""
HEARTBEAT = 15.0
"""Seconds of silence after which a comment keeps the connection alive."""
LISTENERS = 200
QUEUE = 256
"""Messages that wait for one listener; a slower one is let go and comes back with its Last-Event-ID."""
BACKLOG = 500
"""Changes that a listener who comes back is told at most."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the feed with what a list of alerts shows of it."""

    id: int
    kind: str
    alert_id: int | None
    level: int
    title: str
    host: str

    def encode(self) -> bytes:
        """Return the change as a server-sent event; JSON has no raw newline, so its framing cannot be broken."""
        data: dict[str, Any] = {
            "alert_id": self.alert_id,
            "kind": self.kind,
            "level": self.level,
            "title": self.title,
            "host": self.host,
        }
        what = self.kind.partition(".")[0].encode()
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.id, what, orjson.dumps(data))


def changes_after(session: Session, last: int, limit: int) -> list[Change]:
    """Return the feed's rows after an id, in order."""
    query = (
        select(Feed.id, Feed.kind, Feed.alert_id, Alert.level, Alert.title, Alert.host)
        .join(Alert, Alert.id == Feed.alert_id, isouter=True)
        .where(Feed.id > last)
        .order_by(Feed.id)
        .limit(limit)
    )
    return [
        Change(number, kind, alert_id, level or 0, title or "", host or "")
        for number, kind, alert_id, level, title, host in session.execute(query)
    ]


def newest(session: Session) -> int:
    """Return the id of the feed's last row, 0 when it is empty."""
    return session.scalar(select(func.max(Feed.id))) or 0


class Watch:
    """Says cheaply whether a database has changed: SQLite's data_version; another database is always asked."""

    def __init__(self, url: str) -> None:
        place = make_url(url)
        sqlite = place.get_backend_name() == "sqlite" and place.database
        self._connection = sqlite3.connect(str(place.database), check_same_thread=False) if sqlite else None
        self._seen: int | None = None

    def changed(self) -> bool:
        """Return whether anything was written since the last call."""
        if self._connection is None:
            return True
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        changed = bool(version != self._seen)
        self._seen = version
        return changed

    def close(self) -> None:
        """Let the database go."""
        if self._connection is not None:
            self._connection.close()


class Broadcaster:
    """One poller a process, many listeners with bounded queues. Use it as an async context."""

    def __init__(self, url: str, sessions: sessionmaker[Session]) -> None:
        self._url = url
        self._sessions = sessions
        self._queues: set[asyncio.Queue[Change | None]] = set()
        self._last = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._queues)

    async def __aenter__(self) -> Self:
        self._last = await run_in_threadpool(self._newest)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for queue in tuple(self._queues):
            self._drop(queue)

    def _newest(self) -> int:
        with self._sessions() as session:
            return newest(session)

    def _read(self, last: int, limit: int) -> list[Change]:
        with self._sessions() as session:
            return changes_after(session, last, limit)

    async def _run(self) -> None:
        watch = Watch(self._url)
        try:
            while True:
                try:
                    if watch.changed():
                        await self._publish()
                except Exception:  # noqa: BLE001 - the stream must outlive a database that is busy or away
                    _log.exception("stream_poll_failed")
                await asyncio.sleep(POLL)
        finally:
            watch.close()

    async def _publish(self) -> None:
        while changes := await run_in_threadpool(self._read, self._last, BACKLOG):
            self._last = changes[-1].id
            for queue in tuple(self._queues):
                self._put(queue, changes)

    def _put(self, queue: asyncio.Queue[Change | None], changes: list[Change]) -> None:
        try:
            for change in changes:
                queue.put_nowait(change)
        except asyncio.QueueFull:
            self._drop(queue)

    def _drop(self, queue: asyncio.Queue[Change | None]) -> None:
        self._queues.discard(queue)
        while queue.full():
            queue.get_nowait()
        queue.put_nowait(None)

    def subscribe(self) -> asyncio.Queue[Change | None]:
        """Return a new listener's queue; None in it is the end. Raises Problem 503 past LISTENERS."""
        if len(self._queues) >= LISTENERS:
            raise Problem(503, "streams_full", values={"limit": LISTENERS}, headers={"Retry-After": "30"})
        queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE)
        self._queues.add(queue)
        return queue

    async def listen(self, queue: asyncio.Queue[Change | None], last: int | None) -> AsyncIterator[bytes]:
        """Yield server-sent events for a subscribed queue, first those after `last` that were missed."""
        try:
            yield b"retry: 2000\n\n"
            missed = await run_in_threadpool(self._read, last, BACKLOG) if last is not None else []
            told = last or 0
            for change in missed:
                told = change.id
                yield change.encode()
            while (change_or_beat := await self._next(queue)) is not None:
                if change_or_beat == b"":
                    yield b": beat\n\n"
                elif isinstance(change_or_beat, Change) and change_or_beat.id > told:
                    yield change_or_beat.encode()
        finally:
            self._queues.discard(queue)

    async def _next(self, queue: asyncio.Queue[Change | None]) -> Change | bytes | None:
        try:
            return await asyncio.wait_for(queue.get(), HEARTBEAT)
        except TimeoutError:
            return b""
