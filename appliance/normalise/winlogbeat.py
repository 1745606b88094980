"""Winlogbeat and Elastic's agent: the System part and the event data that they rename, number or leave out.

The winlog input itself names what is a number in Windows (level, keywords), numbers data without names (`param1` …)
and leaves empty values out. The Sysmon and PowerShell modules of Winlogbeat 7 go further and keep some values in ECS or
in the message alone. Documented with the winlog input, the modules and their tables of fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from appliance.normalise.common import text_of
from appliance.normalise.ecs_windows import add_natives
from appliance.normalise.foreign import at, said
from appliance.normalise.model import Raw
from appliance.normalise.schema import windows

_LEVELS: Mapping[str, str] = MappingProxyType(
    {"critical": "1", "error": "2", "warning": "3", "information": "4", "verbose": "5"}
)
_AUDITS: Mapping[str, str] = MappingProxyType({"success": "0x8020000000000000", "failure": "0x8010000000000000"})
_INITIATED: Mapping[str, str] = MappingProxyType(
    {"egress": "true", "outbound": "true", "ingress": "false", "inbound": "false"}
)
_AUDIT_CHANNEL = "Security"
_SYSMON = "Microsoft-Windows-Sysmon/Operational"
_NUMBERED = re.compile(r"param([1-9][0-9]{0,2})", re.ASCII)
#: Where the context of a pipeline's event begins in its message: a heading in Windows' own language, then lines set in.
_CONTEXT = re.compile(r"\n\n[^\s:][^\n:]{0,60}:\n(?= {8})")


def split_winlogbeat(winlog: dict[str, Any], record: Raw) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Return (system, event data, message) of a record with its `winlog` object."""
    system = _system(winlog, record)
    data: dict[str, Any] = {}
    for section in ("event_data", "user_data"):
        held = winlog.get(section)
        if isinstance(held, dict):
            data.update(held)
    message = record.get("message")
    text = message if isinstance(message, str) else None
    channel, code = text_of(system["Channel"]) or "", text_of(system["EventID"]) or ""
    number = int(code) if code.isdecimal() and len(code) < 6 else None
    group = windows().group(channel, number)
    if group:
        add_natives(record, group, data)
    _add_unnamed(data)
    add = _ADDED.get((channel, number))
    left_out = (add(record) if add else {}) | dict.fromkeys(_EMPTY.get((channel, number), ()), "")
    return system, left_out | data, text


def _system(winlog: dict[str, Any], record: Raw) -> dict[str, Any]:
    process = _object(winlog.get("process"))
    channel, outcome, level = winlog.get("channel"), at(record, "event.outcome"), at(record, "log.level")
    audit = _AUDITS.get(outcome) if channel == _AUDIT_CHANNEL and isinstance(outcome, str) else None
    return {
        "Provider_Name": winlog.get("provider_name"),
        "Provider_Guid": winlog.get("provider_guid"),
        "EventID": winlog.get("event_id") or at(record, "event.code"),
        "Channel": channel,
        "Computer": winlog.get("computer_name"),
        "EventRecordID": winlog.get("record_id"),
        "Execution_ProcessID": process.get("pid"),
        "Execution_ThreadID": _object(process.get("thread")).get("id"),
        "Security_UserID": _object(winlog.get("user")).get("identifier"),
        "Version": winlog.get("version"),
        "Task": winlog.get("task"),
        "Opcode": winlog.get("opcode"),
        "Keywords": audit,
        "Level": "0" if audit else _LEVELS.get(level) if isinstance(level, str) else None,
        "@timestamp": record.get("@timestamp"),
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _add_unnamed(data: dict[str, Any]) -> None:
    """Put numbered data together as `Data`, as it stands in Windows; the numbered names stay."""
    numbered = sorted((int(found[1]), value) for name, value in data.items() if (found := _number_of(name, value)))
    if numbered and "Data" not in data:
        texts = [value for _, value in numbered]
        data["Data"] = texts[0] if len(texts) == 1 else texts


def _number_of(name: str, value: Any) -> re.Match[str] | None:
    return _NUMBERED.fullmatch(name) if isinstance(value, str) else None


def _initiated(record: Raw) -> dict[str, str]:
    direction = at(record, "network.direction")
    return {"Initiated": _INITIATED[direction]} if isinstance(direction, str) and direction in _INITIATED else {}


def _classic(record: Raw) -> dict[str, str]:
    message = said(record, "message")
    return {"Data": message} if message else {}


def _pipeline(record: Raw) -> dict[str, str]:
    message = said(record, "message")
    head = _CONTEXT.search(message)
    payload = (message[: head.start()] if head else message).rstrip("\n")
    context = {"ContextInfo": message[head.end() :]} if head else {}
    return ({"Payload": payload} if payload else {}) | context


_ADDED: Mapping[tuple[str, int | None], Callable[[Raw], dict[str, str]]] = MappingProxyType(
    {
        (_SYSMON, 3): _initiated,
        **{("Windows PowerShell", code): _classic for code in (400, 403, 600, 800)},
        **{(f"{name}/Operational", 4103): _pipeline for name in ("Microsoft-Windows-PowerShell", "PowerShellCore")},
    }
)
"""What the modules leave to ECS or to the message, by channel and event id."""
_EMPTY: Mapping[tuple[str, int | None], tuple[str, ...]] = MappingProxyType(
    {
        (_SYSMON, 8): ("StartModule", "StartFunction"),
        ("Microsoft-Windows-SmbClient/Security", 31017): ("UserName",),
        ("Microsoft-IIS-Configuration/Operational", 29): ("NewValue",),
    }
)
"""What Windows always writes and rules want empty: the input leaves empty values out."""
