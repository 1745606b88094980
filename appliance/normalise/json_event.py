"""Any other JSON object: ECS documents and unknown ones, flattened."""

from __future__ import annotations

from appliance.normalise.common import content_id, given_id, stamp
from appliance.normalise.flatten import flatten
from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.times import guess_time

MODULE = "json"
_TIMES = ("@timestamp", "timestamp", "time", "ts", "event.start")
_HOSTS = ("host.name", "host.hostname", "hostname", "host")


def normalise(record: Raw, source: Source) -> Event:
    """Return the flattened event of one JSON object."""
    event = flatten(record, foreign=True)
    module = event.get("event.module")
    if isinstance(module, str) and module != MODULE:
        event.setdefault("event.dataset", module)
    event["event.module"] = MODULE
    when = next((event[name] for name in _TIMES if name in event), None)
    for name in _HOSTS:
        if isinstance(event.get(name), str):
            event["host.name"] = event[name]
            break
    given = {"event.id": event.get("event.id"), "event.created": guess_time(event.get("event.created"))}
    stamp(event, given, source, when, foreign=True)
    event["event.id"] = given_id(given, source) or content_id(event)
    return event
