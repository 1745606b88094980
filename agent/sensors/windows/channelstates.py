"""How the wanted channels of this Windows are set up: for its checks, its inventory and the sensor's own state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agent.sensors.windows.channels import Channel, channels
from agent.sensors.windows.wevtapi import ACCESS_DENIED, EventLog, EventLogError, SystemEventLog

ON, OFF, MISSING, DENIED, UNKNOWN = "on", "off", "missing", "denied", "unknown"
OVERWRITE, ARCHIVE, KEEP = "overwrite", "archive", "keep"
"""What a full log does: old events go, its file is put aside, or no new events are recorded."""


class ChannelState(NamedTuple):
    """One channel; `max_bytes` and `retention` only where it could be asked."""

    path: str
    state: str
    max_bytes: int = 0
    retention: str = ""


def state_of(log: EventLog, path: str) -> ChannelState:
    """Return how a channel is set up. Raises nothing: what Windows does not tell is `denied` or `unknown`."""
    try:
        config = log.config(path)
    except EventLogError as error:
        return ChannelState(path, DENIED if error.code == ACCESS_DENIED else UNKNOWN)
    if config is None:
        return ChannelState(path, MISSING)
    kept = ARCHIVE if config.auto_backup else KEEP
    retention = kept if config.retention else OVERWRITE
    return ChannelState(path, ON if config.enabled else OFF, config.max_bytes, retention)


def wanted_states(log: EventLog, listed: Iterable[Channel]) -> Iterator[ChannelState]:
    """Yield the state of each wanted channel once."""
    return (state_of(log, path) for path in dict.fromkeys(one.path for one in listed if one.wanted))


def told() -> list[dict[str, str | int]]:
    """Return this Windows' wanted channels as plain data; raises OSError where there is no event log."""
    return [state._asdict() for state in wanted_states(SystemEventLog(), channels())]
