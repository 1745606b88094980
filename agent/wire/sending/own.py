"""The agent's own events."""

from __future__ import annotations

import time

from agent import __version__
from agent.wire.clocks import Measured
from agent.wire.event import Record
from agent.wire.sending import hostinfo
from agent.wire.sending.sensor import Gap

STOP, SHUTDOWN, UNINSTALL = "stop", "shutdown", "uninstall"
"""Reasons of an end that are told by whoever asks for it: by a word of the service host, or by SIGUSR1 (UNINSTALL)."""
_HOST_ENDS = {STOP: False, SHUTDOWN: True, UNINSTALL: False}


def started(boot_id: str, *, clean_before: bool | None) -> Record:
    """Return the event of a start; `clean_before` is None when it is the first."""
    before = {None: "none", True: "clean", False: "killed"}[clean_before]
    return {**_own("agent_started", boot_id), "agent.version": __version__, "agent.previous_stop": before}


def stopping(boot_id: str, reason: str) -> Record:
    """Return the event of an orderly end; it tells whether the whole system ends, where that is known."""
    ends = _HOST_ENDS[reason] if reason in _HOST_ENDS else hostinfo.stopping()
    told: Record = {} if ends is None else {"agent.host_stopping": ends}
    return {**_own("agent_stopping", boot_id), "agent.version": __version__, "agent.stop_reason": reason, **told}


def told_reason(said: bytes) -> str:
    """Return the reason that a parent gave before it closed our standard input; `eof` when it said nothing known."""
    word = said.decode("ascii", "replace").strip()
    return word if word in _HOST_ENDS else "eof"


def telemetry_gap(boot_id: str, gap: Gap) -> Record:
    """Return the event of a known loss."""
    return {
        **_own("telemetry_gap", boot_id),
        "gap.cause": gap.cause,
        "gap.count": gap.lost,
        "gap.from": gap.first,
        "gap.to": gap.last,
        **({"gap.priority": gap.priority} if gap.priority else {}),
    }


def update_failed(boot_id: str, version: str, reason: str) -> Record:
    """Return the event of a version that was no good: it `crashed`, or the box was not heard by it (`silent`)."""
    return {
        **_own("update_failed", boot_id),
        "agent.version": __version__,
        "agent.update.version": version,
        "agent.update.reason": reason,
    }


def clock_changed(boot_id: str, delta: int) -> Record:
    """Return the event of a wall clock that jumped by `delta` µs."""
    return {**_own("clock_changed", boot_id), "clock.delta": delta}


def host_resumed(boot_id: str, slept: int) -> Record:
    """Return the event of a host that slept for so many µs and is up again."""
    return {**_own("host_resumed", boot_id), "host.slept": slept}


def clock_skewed(boot_id: str, measured: Measured) -> Record:
    """Return the event of a clock that is far from the box's, or is right again; times stay as this clock has them."""
    return {**_own("clock_skewed", boot_id), "clock.offset": measured.offset, "clock.rtt": measured.rtt}


def throttled(boot_id: str, change: Record) -> Record:
    """Return the event of reading less than before, or more again."""
    return {**_own("agent_throttled", boot_id), **change}


def _own(action: str, boot_id: str) -> Record:
    now = time.time_ns() // 1000
    return {
        "event.module": "czujka.agent",
        "event.action": action,
        "@timestamp": now,
        "event.created": now,
        "host.name": hostinfo.hostname(),
        "host.boot.id": boot_id,
    }
