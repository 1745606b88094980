"""The agent's sign of life, for whoever is to start it again when it hangs.

The file `alive` in the agent's folder is touched, and systemd told when it listens (sd_notify(3)), only while both the
main loop and the sending thread have turned lately: a process that merely exists is not alive.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

LOG = logging.getLogger(__name__)
EVERY = 10.0
"""Seconds between two touches; whoever watches may wait for several."""
SENDING_PATIENCE = 120.0
"""Seconds that one exchange with the box may take, its tries at all addresses included."""
NAME = "alive"


class Watchdog:
    """Call `main_turned` from the main loop at least every `EVERY` seconds, `sending_turned` from the other thread."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = folder / NAME
        self._notify = environment.get("NOTIFY_SOCKET", "")
        self._clock = clock
        self._sending = clock()
        self._touched = -EVERY
        self._silent = False
        self.sends = True
        """Whether there is a sending thread to wait for; False once it is told to end."""

    def ready(self) -> None:
        """Say that the start is over."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self.sends = False
        self._tell("STOPPING=1")

    def sending_turned(self) -> None:
        """Note that the sending thread works or waits as it should."""
        self._sending = self._clock()

    def main_turned(self) -> bool:
        """Note that the main loop works; touch the file when it is time and the other thread lives, too."""
        now = self._clock()
        if now - self._touched < EVERY:
            return False
        if self.sends and now - self._sending > SENDING_PATIENCE:
            self._complain("the sending thread hangs")
            return False
        self._touched = now
        self._touch()
        self._tell("WATCHDOG=1")
        return True

    def due(self) -> float:
        """Return when the main loop must turn for the next touch, in its clock's seconds."""
        return max(self._touched, self._clock() - EVERY) + EVERY

    def _touch(self) -> None:
        try:
            self._path.touch(0o600)
            os.utime(self._path)
        except OSError as error:
            self._complain(f"cannot touch {self._path}: {error.strerror}")
        else:
            self._silent = False

    def _complain(self, reason: str) -> None:
        if not self._silent:
            LOG.error("no_sign_of_life reason=%s", reason)
        self._silent = True

    def _tell(self, text: str) -> None:
        if not self._notify:
            return
        address = "\0" + self._notify[1:] if self._notify.startswith("@") else self._notify
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
            plug.settimeout(1.0)
            plug.sendto(text.encode(), address)
