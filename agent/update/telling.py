"""The update's part of a running agent: it takes versions, notes that the box has heard it, says what was no good."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from agent import __version__
from agent.update import files
from agent.wire.commands import Command
from agent.wire.event import ID, Record, event_id
from agent.wire.sending import hostinfo, own
from agent.wire.sending.home import AgentHome, InUse
from agent.wire.sending.run import open_spool
from agent.wire.sending.sensor import ALERTING
from agent.wire.sending.spool import spooled
from agent.wire.sending.spoolfile import SpoolFull
from agent.wire.transport import Box, Permanent

LOG = logging.getLogger(__name__)
LOOK_EVERY = 60.0
"""Seconds between looks whether a version that waits may start."""
_TOLD = "update_failed_told"


class Trial:
    """The update's part of a running agent. A version that is wanted at a bad moment waits for a better one."""

    def __init__(self, home: AgentHome, clock: Callable[[], float] = time.monotonic) -> None:
        self._home, self._clock = home, clock
        self._unheard = files.load(home.folder).pending == __version__
        self._wanted, self._wanted_at, self._look_at = "", 0.0, 0.0
        self._waits = ""

    def facts(self) -> dict[str, Any]:
        """Return what each heartbeat says: a version that was no good and why, why another one waits; or nothing."""
        state = files.load(self._home.folder)
        waits = {"update_waits": self._waits} if self._waits else {}
        if not state.failed:
            return waits
        return {"update_failed": {"version": state.failed, "reason": state.reason}, **waits}

    def obey(self, box: Box, command: Command) -> None:
        """Fetch a version and, when it is put on trial, end in order: who starts the agent then starts that version."""
        if command.argument != self._wanted:
            self._wanted, self._wanted_at, self._look_at = command.argument, self._clock(), 0.0
        self._go_on(box)

    def answered(self, box: Box) -> None:
        """Note that the box has answered this version, which proves it; take one that waits when its moment comes."""
        if self._unheard:
            self._note()
        if self._wanted and self._clock() >= self._look_at:
            try:
                self._go_on(box)
            except Permanent as refusal:
                LOG.warning("update_not_wanted version=%s reason=%s", self._wanted, refusal)
                self._wanted = self._waits = ""

    def _note(self) -> None:
        try:
            files.heard(self._home.folder, __version__)
            self._unheard = False
        except OSError as error:
            LOG.warning("update_not_noted error=%s", error)

    def _go_on(self, box: Box) -> None:
        from agent.update import fetch, moment, surroundings  # noqa: PLC0415 (once in many weeks)

        now = self._clock()
        before, self._waits = self._waits, moment.hindrance(surroundings.look(), now - self._wanted_at)
        if self._waits:
            if self._waits != before:
                LOG.info("update_waits version=%s reason=%s", self._wanted, self._waits)
            self._look_at = now + LOOK_EVERY
            return
        taken = fetch.take(box, self._home, self._wanted)
        self._wanted = ""
        if taken:
            # Works on Windows, too, and wakes the main loop, which a flag would not.
            _thread.interrupt_main(signal.SIGTERM)


def tell_failure(home: AgentHome) -> None:
    """Put the event of a version that was no good into the spool, once."""
    state = files.load(home.folder)
    if not state.failed:
        return
    with contextlib.suppress(InUse, OSError, SpoolFull):  # then the next start tells it
        lock = home.lock()
        try:
            spool = open_spool(home.spool)
            if spool.state(_TOLD) != state.failed:
                spool.add([spooled(_event(spool.name, state.failed, state.reason), ALERTING)])
                spool.set_state(_TOLD, state.failed)
            spool.close()
        finally:
            os.close(lock)


def _event(spool: str, version: str, reason: str) -> Record:
    record = own.update_failed(hostinfo.boot_id(), version, reason)
    return {**record, ID: event_id(spool, "update_failed", version, record["@timestamp"])}
