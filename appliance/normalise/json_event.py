"""Any other JSON object: ECS documents and unknown ones, flattened."""

from __future__ import annotations

from appliance.normalise.ecs_windows import add_words
from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import HOSTS, TIMES, finish, first
from appliance.normalise.model import Event, Raw, Source

MODULE = "json"


def normalise(record: Raw, source: Source) -> Event:
    """Return the flattened event of one JSON object."""
    event = flatten(record, foreign=True)
    when = first(event, TIMES)
    for name in HOSTS:
        if isinstance(event.get(name), str):
            event["host.name"] = event[name]
            break
    add_words(event)
    return finish(event, source, MODULE, when)
