"""Why a station says nothing: the likeliest reason by the last that is known of it. Pure.

Sources of facts: Microsoft's System log (1074, 6006, Kernel-General 13, Kernel-Power 42, 109, 506), systemd-logind's
messages, the audit record SYSTEM_SHUTDOWN, and the agents' own last words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from appliance.clock import MINUTE


class Silence(StrEnum):
    """A reason; its texts are `silence.<value>` in the catalogue."""

    OFF = "off"
    """The system was shut down in order."""
    ASLEEP = "asleep"
    """The system was put to sleep."""
    STOPPED = "stopped"
    """The agent was ended in order while the system went on."""
    UNINSTALLED = "uninstalled"
    """The agent was removed."""
    REVOKED = "revoked"
    """It may not send any more."""
    KILLED = "killed"
    """Others have seen the computer since, and the agent said nothing of an end."""
    AWAY = "away"
    """Nothing told of an end, nobody has seen the computer since, and others of its network are heard."""
    NETWORK = "network"
    """None of its network is heard: the network is at fault, or the box."""


CALM = frozenset({Silence.OFF, Silence.ASLEEP, Silence.AWAY})
"""Reasons of an ordinary day."""
SILENT = 5 * MINUTE
"""A station that has not been heard of for so long is silent."""
_NEAR = 5 * MINUTE
"""So long before the last sign of life the end may have been told: it is sent before the last heartbeat."""
_SINCE = 2 * MINUTE
"""So long after the last sign of life others must have seen the computer, for it to be up without its agent."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The newest end that a station told of, and when (µs)."""

    kind: Silence
    at: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The last that is known of a silent station; times in µs."""

    seen_at: int
    """Its last sign of life."""
    revoked: bool = False
    stop: Stop | None = None
    others_heard: int = 0
    """Stations of its network that are heard now."""
    others: int = 0
    """Stations of its network."""
    met_at: int | None = None
    """When others, or the network sensor, last saw its address."""


def explain(facts: Facts) -> Silence:
    """Return the likeliest reason of a station's silence."""
    if facts.revoked:
        return Silence.REVOKED
    if facts.stop is not None and facts.stop.at >= facts.seen_at - _NEAR:
        return facts.stop.kind
    if facts.met_at is not None and facts.met_at > facts.seen_at + _SINCE:
        return Silence.KILLED
    return Silence.NETWORK if facts.others and not facts.others_heard else Silence.AWAY


ENDS = {
    ("user32", "1074"): Silence.OFF,
    ("eventlog", "6006"): Silence.OFF,
    ("microsoft-windows-kernel-general", "13"): Silence.OFF,
    ("microsoft-windows-kernel-power", "109"): Silence.OFF,
    ("microsoft-windows-kernel-power", "42"): Silence.ASLEEP,
    ("microsoft-windows-kernel-power", "506"): Silence.ASLEEP,
}
"""Ends that the System log of Windows tells, by provider and number."""
_LOGIND = (
    (
        Silence.OFF,
        re.compile(r"System is (?:powering down|halting|rebooting)|The system will (?:power off|halt|reboot) now"),
    ),
    (
        Silence.ASLEEP,
        re.compile(r"The system will (?:suspend|hibernate)|(?:Suspending|Hibernating) system|Suspend key pressed"),
    ),
)


def stop_of(event: Mapping[str, object]) -> Stop | None:
    """Return the end that an event tells of, None when it tells of none."""
    at = event.get("@timestamp")
    kind = _kind(event)
    return Stop(kind, at) if kind is not None and isinstance(at, int) else None


def _kind(event: Mapping[str, object]) -> Silence | None:
    match event.get("event.module"):
        case "czujka.agent":
            return _own(event)
        case "windows.eventlog":
            return ENDS.get((str(event.get("winlog.provider_name", "")).lower(), str(event.get("event.code", ""))))
        case "linux.audit":
            return Silence.OFF if event.get("audit.type") == "SYSTEM_SHUTDOWN" else None
        case "linux.syslog" if event.get("log.syslog.appname") == "systemd-logind":
            message = str(event.get("message", ""))[:500]
            return next((kind for kind, pattern in _LOGIND if pattern.match(message)), None)
    return None


def _own(event: Mapping[str, object]) -> Silence | None:
    if event.get("event.action") != "agent_stopping":
        return None
    if event.get("agent.stop_reason") == "uninstall":
        return Silence.UNINSTALLED
    return Silence.OFF if event.get("agent.host_stopping") is True else Silence.STOPPED
