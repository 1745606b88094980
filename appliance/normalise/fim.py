"""What the agent's file monitor found: one changed file a record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from appliance.normalise.common import Meaning, apply_meaning, content_id, given_id, set_name, stamp
from appliance.normalise.flatten import flatten
from appliance.normalise.model import Event, Raw, Source, Unreadable

MODULE = "czujka.fim"
ACTIONS: Mapping[str, Meaning] = MappingProxyType(
    {
        "file_created": Meaning("file", "creation", "file_created"),
        "file_modified": Meaning("file", "change", "file_modified"),
        "file_deleted": Meaning("file", "deletion", "file_deleted"),
        "file_attributes": Meaning("file", "change", "file_attributes_changed"),
        "fim_baseline": Meaning("host", "info", "fim_baseline"),
        "fim_round": Meaning("host", "info", "fim_round"),
    }
)


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one record. Raises Unreadable when it does not say what became of a file."""
    event = flatten(record)
    meaning = ACTIONS.get(str(event.get("event.action")))
    if meaning is None:
        raise Unreadable("W zapisie o pliku brakuje znanej wartości event.action, która mówi, co się z nim stało.")
    event["event.module"] = MODULE
    apply_meaning(event, meaning)
    separator = "\\" if event.get("host.os.type") == "windows" else "/"
    set_name(event, "process.executable", "process.name", separator)
    set_name(event, "process.parent.executable", "process.parent.name", separator)
    set_name(event, "file.path", "file.name", separator)
    stamp(event, record, source, record.get("@timestamp"))
    event["event.id"] = given_id(record, source) or content_id(event)
    return event
