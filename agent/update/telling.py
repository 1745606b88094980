"""The update's part of a running agent: it takes versions, notes that the box has heard it, says what was no good."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import signal
from typing import Any

from agent import __version__
from agent.update import files
from agent.wire.commands import Command
from agent.wire.event import ID, Record, event_id
from agent.wire.sending import hostinfo, own
from agent.wire.sending.home import AgentHome, InUse
from agent.wire.sending.run import open_spool
from agent.wire.sending.sensor import ALERTING
from agent.wire.sending.spool import SpoolFull, spooled
from agent.wire.transport import Box

LOG = logging.getLogger(__name__)
_TOLD = "update_failed_told"


class Trial:
    """The update's part of a running agent."""

    def __init__(self, home: AgentHome) -> None:
        self._home = home
        self._unheard = files.load(home.folder).pending == __version__

    def facts(self) -> dict[str, Any]:
        """Return what each heartbeat says: the version that was no good and why; nothing when none was."""
        state = files.load(self._home.folder)
        return {"update_failed": {"version": state.failed, "reason": state.reason}} if state.failed else {}

    def obey(self, box: Box, command: Command) -> None:
        """Fetch a version and, when it is put on trial, end in order: who starts the agent then starts that version."""
        from agent.update import fetch  # noqa: PLC0415 (once in many weeks)

        if fetch.take(box, self._home, command.argument):
            # Works on Windows, too, and wakes the main loop, which a flag would not.
            _thread.interrupt_main(signal.SIGTERM)

    def answered(self) -> None:
        """Note that the box has answered this version, which proves it."""
        if not self._unheard:
            return
        try:
            files.heard(self._home.folder, __version__)
            self._unheard = False
        except OSError as error:
            LOG.warning("update_not_noted error=%s", error)


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
