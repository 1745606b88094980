"""The agent's own events: gaps in telemetry, start and stop."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from appliance.normalise.common import Meaning, apply_meaning, content_id, given_id, stamp
from appliance.normalise.flatten import UNTYPED, flatten
from appliance.normalise.model import Event, Raw, Source, Unreadable

MODULE = "czujka.agent"
ACTIONS: Mapping[str, Meaning] = MappingProxyType(
    {
        "telemetry_gap": Meaning("host", "error", "telemetry_gap"),
        "agent_started": Meaning("host", "start", "agent_started"),
        "agent_stopping": Meaning("host", "end", "agent_stopping"),
    }
)
_NUMBERS = ("gap.from", "gap.to", "gap.count")


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one agent record. Raises Unreadable when it has no action or a gap has no numbers."""
    event = flatten(record)
    action = event.get("event.action")
    if not isinstance(action, str):
        raise Unreadable("W zdarzeniu agenta brakuje pola event.action, które mówi, co się stało.")
    event["event.module"] = MODULE
    apply_meaning(event, ACTIONS.get(action, Meaning("host", "info", action)))
    for name in _NUMBERS:
        if UNTYPED + name in event:
            raise Unreadable(f"Pole {name} w zdarzeniu agenta nie jest liczbą.")
    stamp(event, record, source, record.get("@timestamp"))
    event["event.id"] = given_id(record, source) or content_id(event)
    return event
