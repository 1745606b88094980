"""Windows event log records, as XML, flat native fields, winlogbeat's JSON or the JSON of an EVTX dump."""

from __future__ import annotations

from typing import Any

from appliance.normalise.common import content_id, given_id, stamp, text_of
from appliance.normalise.ecs_windows import undotted
from appliance.normalise.model import Event, Raw, Source, Unreadable
from appliance.normalise.schema import windows
from appliance.normalise.windows_plan import identity, plan_for
from appliance.normalise.windows_quick import MODULE, quickly
from appliance.normalise.windows_scan import scan
from appliance.normalise.windows_shape import CONTROL, TIMES, move_flat, move_native
from appliance.normalise.windows_xml import MAX_FIELDS, checked, parse_slowly
from appliance.normalise.winlogbeat import split_winlogbeat


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one Windows record."""
    xml = record.get("xml")
    if isinstance(xml, str):
        return _from_xml(xml, record, source)
    if "EventID" in record:
        quick = quickly(record, 0, source)
        if quick is not None:
            return quick
        code, channel = _code(record["EventID"]), _channel(record.get("Channel"))
        event = move_flat(record, plan_for(channel, code))
        if event is not None:
            message = record.get("message")
            if message and isinstance(message, str):
                event["message"] = message
            return _finish(event, code, channel, when=_when(record), record=record, source=source)
    system, data, message = split(record)
    return build(system, data, message, record, source)


def _from_xml(xml: str, record: Raw, source: Source) -> Event:
    text = checked(xml)
    quick = scan(text)
    if quick is not None:
        system, names, values = quick
        code, channel = _code(system.get("EventID")), _channel(system.get("Channel"))
        event = move_native(system, names, values, plan_for(channel, code))
        if event is not None:
            return _finish(event, code, channel, when=_when(system), record=record, source=source)
    native = parse_slowly(text)
    return build(native.system, native.data, native.message, record, source)


def split(record: Raw) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Return (system, event data, message) of a JSON record in any of its shapes."""
    event = record.get("Event")
    if isinstance(event, dict):
        return _split_dump(event)
    winlog = record.get("winlog")
    if isinstance(winlog, dict):
        return split_winlogbeat(winlog, record)
    if "winlog.channel" in record:
        return split_winlogbeat(undotted(record), record)
    system: dict[str, Any] = {}
    data: dict[str, Any] = {}
    table = windows()
    for name, value in record.items():
        if name in table.system:
            system[name] = value
        elif name in table.system_aliases and record.get(table.system_aliases[name], value) == value:
            system.setdefault(table.system_aliases[name], value)
        elif name in TIMES:
            system[name] = value
            if name == "UtcTime":
                data[name] = value
        elif name not in CONTROL:
            data[name] = value
    message = record.get("message")
    return system, data, message if isinstance(message, str) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _split_dump(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    system: dict[str, Any] = {}
    for name, value in _object(event.get("System")).items():
        if isinstance(value, dict):
            for attribute, item in _object(value.get("#attributes")).items():
                system[f"{name}_{attribute}"] = item
            if "#text" in value:
                system[name] = value["#text"]
        else:
            system[name] = value
    data: dict[str, Any] = {}
    for section in ("EventData", "UserData"):
        _leaves(event.get(section), data)
    return system, data, None


def _leaves(node: Any, data: dict[str, Any]) -> None:
    stack = [node]
    while stack:
        item = stack.pop()
        if not isinstance(item, dict):
            continue
        for name, value in item.items():
            if name == "#attributes":
                continue
            if isinstance(value, dict) and "#text" in value:
                data[name] = value["#text"]
            elif isinstance(value, dict):
                stack.append(value)
            else:
                data[name] = value


def build(system: dict[str, Any], data: dict[str, Any], message: str | None, record: Raw, source: Source) -> Event:
    """Return the event of native fields of any shape: the general way, which the quick ones must equal."""
    if len(data) > MAX_FIELDS:
        raise Unreadable(f"Zdarzenie systemu Windows ma więcej niż {MAX_FIELDS} pól.")
    code = _code(system.get("EventID"))
    channel = _channel(system.get("Channel"))
    plan = plan_for(channel, code)
    event: Event = {}
    plan.move_system(system, event)
    plan.move_data(data, event)
    event.update(plan.constants)
    plan.derive(event)
    if message:
        event["message"] = message
    return _finish(event, code, channel, when=_when(system), record=record, source=source)


def _when(fields: Raw) -> object:
    """Return the source's own time as it stands."""
    for name in TIMES:
        value = fields.get(name)
        if value is not None:
            return value
    return None


def _finish(event: Event, code: int, channel: str, *, when: object, record: Raw, source: Source) -> Event:
    event["event.module"] = MODULE
    event["event.code"] = code
    if channel:
        event["winlog.channel"] = channel
    event["host.name"] = event.get("winlog.computer_name") or text_of(record.get("host.name")) or source.agent_id
    stamp(event, record, source, when, foreign=True)
    event["event.id"] = given_id(record, source) or identity(event) or content_id(event)
    return event


def _channel(value: object) -> str:
    channel = text_of(value) or ""
    return windows().channel_aliases.get(channel, channel)


def _code(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Unreadable("Zdarzenie systemu Windows nie ma numeru (EventID).")
    try:
        code = int(value)
    except ValueError as error:
        raise Unreadable("Numer zdarzenia systemu Windows (EventID) nie jest liczbą.") from error
    if not 0 <= code <= 0xFFFF:
        raise Unreadable("Numer zdarzenia systemu Windows (EventID) jest poza zakresem.")
    return code
