"""Hears at once that the box has a command: a request that the box holds until there is one.

On a connection and in a thread of its own, since the uplink's carries batches. What the command is comes with the
heartbeat that then follows, as always; without this a command waits for the next one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from agent.wire.envelope import WAIT_PATH
from agent.wire.limits import MAX_WAIT
from agent.wire.sending.backoff import Backoff
from agent.wire.transport import Box, Permanent, RetryLater

LOG = logging.getLogger(__name__)
PATIENCE = MAX_WAIT + 15.0
"""Seconds without a byte after which a connection is taken to be dead; its `Box` needs this timeout."""
EVERY = 1.0
"""Seconds between the starts of two requests, at least."""
OBEYING = 60.0
"""Seconds that a heartbeat and what it brings may take before the box is asked again."""
NOTHING_NEW = 10.0
"""Seconds of rest after a call that brought no new command: what waits there is not for this program."""
_REFUSED = 300.0


class Listener:
    """Calls `beat` for a heartbeat when a command waits.

    `connect` gives a Box of its own, with PATIENCE; `rest` waits for some seconds and says whether to end.
    """

    def __init__(
        self, connect: Callable[[], Box], beat: Callable[[], None], rest: Callable[[float], bool] | None = None
    ) -> None:
        self._connect, self._beat, self._rest = connect, beat, rest or threading.Event().wait
        self._backoff = Backoff()
        self._box: Box | None = None
        self._obeyed, self._news = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Begin. It ends with the process: what it holds is a question."""
        self._thread.start()

    def beaten(self, *, news: bool) -> None:
        """Hear that a heartbeat was answered and obeyed, and whether it brought a new command."""
        self._news = news
        self._obeyed.set()

    def _run(self) -> None:
        over = False
        while not over:
            began = time.monotonic()
            try:
                pause = self._round()
                self._backoff.worked()
            except RetryLater as later:
                pause = self._failed(self._backoff.failed(later.seconds))
            except Permanent as refusal:
                LOG.info("box_does_not_call reason=%s", refusal)
                pause = self._failed(self._backoff.failed(_REFUSED))
            except Exception:  # commands come with heartbeats, too, but sooner with this thread
                LOG.exception("listener_fault")
                pause = self._failed(self._backoff.failed())
            over = self._rest(max(pause, EVERY - (time.monotonic() - began), 0.0))
        self._drop()

    def _round(self) -> float:
        """Ask once; return the seconds to rest."""
        if self._box is None:
            self._box = self._connect()
        if self._box.post_json(WAIT_PATH, {}).get("waiting") is not True:
            return 0.0
        self._obeyed.clear()
        self._beat()
        return 0.0 if self._obeyed.wait(OBEYING) and self._news else NOTHING_NEW

    def _failed(self, seconds: float) -> float:
        """Drop the connection, for the next may have a renewed certificate."""
        self._drop()
        return seconds

    def _drop(self) -> None:
        if self._box is not None:
            self._box.close()
            self._box = None
