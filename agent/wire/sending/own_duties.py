"""What every sender does itself when the box asks: renew its certificate, log more or less."""

from __future__ import annotations

import logging
import time

from agent.wire.commands import Command
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.transport import Box, Permanent, RetryLater

LOG = logging.getLogger(__name__)
PAUSE = 600.0
"""Seconds after which a renewal that failed is tried again."""


class Renewal:
    """Renews when two thirds of the certificate's life are over, or when the box has asked for it."""

    def __init__(self, home: AgentHome, identity: Identity) -> None:
        self._home, self._identity = home, identity
        self._asked = False
        self._not_before = 0.0

    def ask(self, _box: Box, _command: Command) -> None:
        """Renew at the next exchange."""
        self._asked, self._not_before = True, 0.0

    def renew(self, box: Box) -> bool:
        """Renew when it is time; True asks for a new connection.

        What fails is tried again in a while, and stops nothing as long as the certificate is good. Of one that has
        ended it raises RetryLater and Permanent.
        """
        now = time.time_ns() // 1000
        if (not self._asked and now < self._identity.renew_at) or time.monotonic() < self._not_before:
            return False
        from agent.wire.sending import enrolment  # noqa: PLC0415 (once in many days)

        try:
            renewed = enrolment.renew(self._home, box, now, asked=self._asked)
        except (enrolment.EnrolmentFailed, OSError, RetryLater, Permanent) as error:
            if now >= self._identity.expires_at:
                raise error if isinstance(error, (RetryLater, Permanent)) else RetryLater(str(error)) from error
            LOG.warning("certificate_not_renewed reason=%s", error)
            self._not_before = time.monotonic() + PAUSE
            return False
        self._asked = False
        self._identity = self._home.identity() or self._identity
        return renewed


def set_log_level(_box: Box, command: Command) -> None:
    """Log what is of this level or above, until the program ends."""
    logging.getLogger().setLevel(command.argument.upper())
