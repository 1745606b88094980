"""Flows that others have announced: whose they are is known before their first byte."""

from __future__ import annotations

from collector.protocols.model import Expected, Flow, Protocol

MOST = 4096
"""Announced flows that are waited for; the oldest goes first."""
PATIENCE = 300_000_000_000
"""Nanoseconds for which one is waited for."""


class Waiting:
    """What was announced and has not come."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], tuple[int, Protocol]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, expected: Expected, uid: str, now: int) -> None:
        """Wait for a flow that the one of this uid announced; nanoseconds."""
        protocol = expected.protocol(uid)
        for host in expected.hosts:
            self._places.pop((host, expected.port), None)
            self._places[host, expected.port] = now, protocol
        while len(self._places) > MOST:
            del self._places[next(iter(self._places))]

    def take(self, flow: Flow, now: int) -> Protocol | None:
        """Return whose a new TCP flow is, once; None when nobody announced it lately."""
        at, protocol = self._places.pop((flow.resp_h, flow.resp_p), (0, None))
        return protocol if now - at <= PATIENCE else None
