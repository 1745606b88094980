"""Sends what the spool holds, and says every few seconds that this agent lives. Runs in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agent.wire.chain import CHAIN_HEADER
from agent.wire.clocks import Skew
from agent.wire.envelope import pack
from agent.wire.event import ID, TIMESTAMP, event_id
from agent.wire.limits import MAX_BODY
from agent.wire.sending import own
from agent.wire.sending.backoff import Backoff
from agent.wire.sending.sensor import ALERTING
from agent.wire.sending.spool import Outgoing, Spool, spooled
from agent.wire.sending.spoolfile import SpoolFull
from agent.wire.transport import Box, Permanent, RetryLater

LOG = logging.getLogger(__name__)
HEARTBEAT_EVERY = 10.0
"""Seconds between heartbeats."""
BUSY_PAUSE = 0.4
"""Seconds between the starts of two sendings, so that under load batches grow instead of multiplying."""
BATCH_RECORDS = 500
BATCH_BYTES = 128 << 10
"""Bounds of one batch before deflation."""
OUTAGE = 300.0
"""Seconds without the box after which what has piled up is not sent at once by all agents together."""
SPREAD = 600.0
"""Seconds, at most, that the pile then waits, by chance and no longer than the outage was. What is new goes at once."""
_NOT_NOW = 60.0
_SIGN = 10.0
"""Seconds of waiting after which this thread shows that it is well."""
_BODY_FAULTS = frozenset({400, 413, 415, 422})


class Chores(NamedTuple):
    """What the uplink asks of the agent around it."""

    heartbeat: Callable[[], Mapping[str, Any]]
    """Returns the heartbeat's content."""
    renew: Callable[[Box], bool]
    """Renews the certificate when it is time; True asks for a new connection."""
    obey: Callable[[Box, Mapping[str, Any]], None] = lambda _box, _answer: None
    """Does what the answer to a heartbeat asks for, within a minute; may raise as an exchange does."""
    turned: Callable[[], None] = lambda: None
    """Hears every few seconds that this thread is well."""
    settled: Callable[[], bool] = lambda: True
    """Says whether what waits may be sent as it is; who makes it so wakes the uplink."""


class Uplink:
    """One agent's sending side."""

    def __init__(
        self, spool: Spool, connect: Callable[[], Box], boot_id: str, chores: Chores, backoff: Backoff | None = None
    ) -> None:
        """Call `connect` for a connection, again after a renewal."""
        self._spool = spool
        self._connect = connect
        self._boot_id = boot_id
        self._chores = chores
        self._backoff = backoff or Backoff()
        self._box: Box | None = None
        self._changed = threading.Condition()
        self._news = True
        self._called = False
        self._ending: float | None = None
        self._beat_at = 0.0
        self._batch_records = BATCH_RECORDS
        self._away_since: float | None = None
        self._chance = random.Random()  # noqa: S311 (to spread needs no secrecy)
        self._pile, self._pile_until = 0, 0.0
        self._last_complaint = ""
        self._skew = Skew()
        self.batches_sent = 0
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that the spool has something new."""
        with self._changed:
            self._news = True
            self._changed.notify()

    def beat(self) -> None:
        """Let a heartbeat follow at once."""
        self._called = True
        self.wake()

    def stop(self, seconds: float) -> bool:
        """Send what can be sent within `seconds`, then end; True when nothing is left."""
        with self._changed:
            self._ending = time.monotonic() + seconds
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return self._spool.depth == 0

    def _run(self) -> None:
        while self._wait():
            began = time.monotonic()
            self._chores.turned()
            try:
                self._round()
                self._backoff.worked()
                self._away_since = None
                self._complain("")
                behind = self._spool.depth >= BATCH_RECORDS
                pause = 0.0 if behind else max(0.0, BUSY_PAUSE - (time.monotonic() - began))
            except RetryLater as later:
                self._away()
                self._complain(later.reason)
                pause = self._backoff.failed(later.seconds)
            except Permanent as refusal:
                self._complain(f"the box refuses this agent: {refusal}")
                pause = self._backoff.failed(_NOT_NOW)
            except SpoolFull as full:
                self._complain(f"the spool cannot be written: {full}")
                pause = self._backoff.failed()
            except Exception:  # the sending side must outlive any fault
                LOG.exception("uplink_fault")
                pause = self._backoff.failed()
            if not self._pause(pause):
                break
        if self._box is not None:
            self._box.close()

    def _wait(self) -> bool:
        """Wait for something to send or a heartbeat; False at the end. What failed is tried again at once."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._ending is not None:
                    return self._spool.depth > 0 and now < self._ending
                if self._news or self._backoff.failures or now >= self._beat_at:
                    self._news = False
                    return True
                self._chores.turned()
                self._changed.wait(min(self._beat_at - now, _SIGN))

    def _pause(self, seconds: float) -> bool:
        """Rest; the end cuts it short, once, and gives up where the box was failing."""
        with self._changed:
            failing = self._backoff.failures > 0
            if self._ending is None and seconds > 0:
                until = time.monotonic() + seconds
                while self._ending is None and (left := until - time.monotonic()) > 0:
                    self._chores.turned()
                    self._changed.wait(min(left, _SIGN))
            return self._ending is None or not failing

    def _round(self) -> None:
        if self._box is None:
            self._box = self._connect()
        if self._chores.renew(self._box):
            self._box.close()
            self._box = self._connect()
        if (self._called or time.monotonic() >= self._beat_at) and self._ending is None:
            self._called = False  # before the question: a call during it asks for another
            answer = self._box.heartbeat(self._chores.heartbeat())
            self._beat_at = time.monotonic() + HEARTBEAT_EVERY
            self._chores.obey(self._box, answer)
            self._look_at_clock(self._box)
        if not self._chores.settled():
            return
        self._returned()
        after = self._pile if time.monotonic() < self._pile_until and self._ending is None else 0
        batch = self._spool.batch(self._boot_id, self._batch_records, BATCH_BYTES, after)
        if batch is not None:
            self._send(self._box, batch)
            if self._spool.depth:
                self.wake()

    def _away(self) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()

    def _returned(self) -> None:
        """The box answers: after a long outage let the pile wait for a random time, so that agents do not all come."""
        if self._away_since is None:
            return
        outage = time.monotonic() - self._away_since
        self._away_since = None
        if outage >= OUTAGE and self._spool.depth > BATCH_RECORDS:
            self._pile = self._spool.newest
            self._pile_until = time.monotonic() + self._chance.uniform(0.0, min(SPREAD, outage))

    def _send(self, box: Box, batch: Outgoing) -> None:
        body = pack(batch.lines)
        if len(body) > MAX_BODY:
            self._isolate(batch, Permanent(413, "the batch is larger than the wire takes"))
            return
        try:
            chained = {CHAIN_HEADER: batch.claim.text}
            box.send_batch(batch.key, body, len(batch.lines), time.time_ns() // 1000, chained)
        except Permanent as refusal:
            if refusal.status not in _BODY_FAULTS:
                raise
            self._isolate(batch, refusal)
            return
        self._spool.acknowledged(batch)
        self.batches_sent += 1

    def _look_at_clock(self, box: Box) -> None:
        """Keep an event when this clock begins or ends to be far from the box's."""
        measured = box.measured
        if measured is None or not self._skew.news(measured):
            return
        LOG.warning("clock_skewed offset=%d rtt=%d", measured.offset, measured.rtt)
        record = own.clock_skewed(self._boot_id, measured)
        record[ID] = event_id(self._spool.name, "skew", record[TIMESTAMP], *measured)
        with contextlib.suppress(SpoolFull):  # then it is news with the next heartbeat, too
            self._spool.add([spooled(record, ALERTING)])
            self._skew.told(measured)
            self.wake()

    def _isolate(self, batch: Outgoing, refusal: Permanent) -> None:
        """Halve a refused batch until the one record that the box refuses is alone, and drop that one."""
        self.wake()
        if len(batch.lines) > 1:
            self._spool.split(batch, self._boot_id)
            return
        LOG.warning("record_refused status=%d reason=%s", refusal.status, refusal.reason)
        self._spool.refused(batch, time.time_ns() // 1000)

    def _complain(self, reason: str) -> None:
        """Log a fault when it begins or changes, and its end; not each repetition."""
        if reason and reason != self._last_complaint:
            LOG.warning("box_not_taking reason=%s spooled=%d", reason, self._spool.depth)
        elif not reason and self._last_complaint:
            LOG.info("box_taking_again spooled=%d", self._spool.depth)
        self._last_complaint = reason
