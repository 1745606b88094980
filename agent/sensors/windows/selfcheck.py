"""For whoever tries the agent on a real Windows: the state of each channel, and a sample of events."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

from agent.sensors.windows.channels import Channel, channels
from agent.sensors.windows.channelstates import MISSING, OFF, state_of
from agent.sensors.windows.enrich import Enricher
from agent.sensors.windows.subscription import Subscription
from agent.sensors.windows.wevtapi import ACCESS_DENIED, EventLog, EventLogError, SystemEventLog
from agent.wire.envelope import encode_record
from agent.wire.event import Record
from agent.wire.sending.sensor import Reading

MOST = 200
"""Events of one channel in a sample."""
Permitted = Callable[[Record], Optional[Record]]
"""Returns what of a record may be sent, None for nothing."""


def channel_states(log: EventLog | None = None, listed: tuple[Channel, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield each channel's name and state: `read`, `off` (switched off), `missing`, `denied`, or an error's number."""
    log = log or SystemEventLog()
    for channel in listed or channels():
        state = state_of(log, channel.path).state
        subscription = Subscription(channel, log)
        subscription.open({})
        fault = subscription.fault
        subscription.forget()
        if state in {MISSING, OFF}:
            yield channel.name, state
        elif fault:
            yield channel.name, "denied" if fault == ACCESS_DENIED else f"error {fault}"
        else:
            yield channel.name, "read"


def record_sample(
    target: Path, permitted: Permitted, log: EventLog | None = None, listed: tuple[Channel, ...] = ()
) -> int:
    """Write the newest events of each channel, as they would be sent, into a zip file; return how many.

    Secrets are hidden and what is switched off is left out as always; names of people and computers stay. Raises
    OSError, FileExistsError for a file that is there already.
    """
    log = log or SystemEventLog()
    enricher, count = Enricher(), 0
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as packed:
        states = dict(channel_states(log, listed))
        packed.writestr("channels.json", json.dumps(states, indent=1))
        for channel in listed or channels():
            lines = [encode_record(record) for record in _newest(channel, log, enricher, permitted)]
            if lines:
                packed.writestr(f"{channel.name}.ndjson", b"\n".join(lines) + b"\n")
            count += len(lines)
    return count


def _newest(channel: Channel, log: EventLog, enricher: Enricher, permitted: Permitted) -> Iterator[Record]:
    subscription = Subscription(channel, log)
    try:
        items = subscription.newest(MOST, enricher.enrich)
    except EventLogError:  # its state tells why
        return
    finally:
        subscription.forget()
    for item in items:
        record = permitted(item.record) if isinstance(item, Reading) and item.record else None
        if record is not None:
            yield record
