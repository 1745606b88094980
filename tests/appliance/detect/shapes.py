"""One Windows event as other products send it: converters from Windows' own XML, by what their makers document.

What a product changes is changed here too: winlogbeat (and Elastic's agent, which has the same input) leaves empty
values out, numbers what has no name (`param1` …) and names levels and keywords; NXLog writes flat names of its own; the
EVTX dumpers keep the two halves of the XML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from appliance.normalise.windows_xml import checked

AUDIT = {"0x8020000000000000": ("Audit Success", "success"), "0x8010000000000000": ("Audit Failure", "failure")}
LEVELS = {"1": "critical", "2": "error", "3": "warning", "5": "verbose"}
SYSMON = "Microsoft-Windows-Sysmon/Operational"


@dataclass(frozen=True)
class Native:
    """An event as Windows has it: attributes of System (`Provider_Name`), data with or without names."""

    system: dict[str, str]
    named: dict[str, str]
    unnamed: list[str]
    section: str
    wrapper: str
    """The element inside UserData."""

    def have(self, *names: str) -> dict[str, str]:
        return {name: self.system[name] for name in names if self.system.get(name)}


def native(xml: str) -> Native:
    root = ET.fromstring(re.sub(r" xmlns=\"[^\"]*\"", "", checked(xml)))
    system: dict[str, str] = {}
    for element in root.find("System") or ():
        if element.text and element.text.strip():
            system[element.tag] = element.text
        system |= {f"{element.tag}_{name}": value for name, value in element.attrib.items()}
    section = "UserData" if root.find("UserData") is not None else "EventData"
    named: dict[str, str] = {}
    unnamed: list[str] = []
    held = root.find(section)
    wrapper = held[0].tag if section == "UserData" and held is not None and len(held) else ""
    for element in leaves(held) if held is not None else ():
        name = element.get("Name") or (element.tag if element.tag != "Data" else "")
        if name:
            named[name] = element.text or ""
        else:
            unnamed.append(element.text or "")
    return Native(system, named, unnamed, section, wrapper)


def leaves(node: ET.Element) -> Iterator[ET.Element]:
    for child in node:
        if len(child):
            yield from leaves(child)
        else:
            yield child


def braced(guid: str) -> str:
    return "{" + guid.strip("{}").lower() + "}"


def winlogbeat(event: Native) -> dict[str, Any]:
    """Winlogbeat 8 and 9 without its pipelines; Elastic's agent has the same input."""
    system = event.system
    keyword, outcome = AUDIT.get(system.get("Keywords", "").lower(), ("Classic", ""))
    data = event.named | {f"param{number}": text for number, text in enumerate(event.unnamed, 1)}
    data = {name: value for name, value in data.items() if value.strip()}
    winlog: dict[str, Any] = {
        "api": "wineventlog", "channel": system["Channel"], "computer_name": system["Computer"],
        "event_id": system["EventID"], "provider_name": system["Provider_Name"], "keywords": [keyword],
        "opcode": "Info", "record_id": int(system["EventRecordID"]), "task": "None", "version": 2,
        "process": {"pid": int(system.get("Execution_ProcessID", "0")), "thread": {"id": 4}},
    }  # fmt: skip
    if "Provider_Guid" in system:
        winlog["provider_guid"] = braced(system["Provider_Guid"])
    if "Security_UserID" in system:
        winlog["user"] = {"identifier": system["Security_UserID"]}
    if event.section == "UserData":
        winlog["user_data"] = data | {"xml_name": event.wrapper}
    elif data:
        winlog["event_data"] = data
    about = {"code": system["EventID"], "kind": "event", "provider": system["Provider_Name"]}
    return {
        "@timestamp": system["TimeCreated_SystemTime"],
        "ecs": {"version": "8.0.0"},
        "host": {"name": system["Computer"].lower()},
        "log": {"level": LEVELS.get(system.get("Level", ""), "information")},
        "event": about | ({"outcome": outcome} if outcome else {}),
        "winlog": winlog,
    }


def elastic_agent(event: Native) -> dict[str, Any]:
    """What Elastic's agent adds to the same: where the document is to go."""
    name = event.system["Channel"].replace("Microsoft-Windows-", "").replace("/", "_").replace(" ", "_").lower()
    return winlogbeat(event) | {
        "data_stream": {"type": "logs", "dataset": f"windows.{name}", "namespace": "default"},
        "agent": {"type": "filebeat", "name": event.system["Computer"], "version": "8.17.0"},
        "input": {"type": "winlog"},
    }


def dotted(event: Native) -> dict[str, Any]:
    """Winlogbeat behind something that flattens."""
    return dict(flat(winlogbeat(event)))


def flat(record: dict[str, Any], lead: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{lead}{name}.")
        else:
            yield lead + name, value


def nxlog(event: Native) -> dict[str, Any]:
    """im_msvistalog with to_json(): its own names for System, keywords as a number with a sign.

    Only for events with at most one value without a name: what becomes of several is not documented.
    """
    system = event.system
    keywords = int(system.get("Keywords", "0x0"), 16)
    audit = {0x20: "AUDIT_SUCCESS", 0x10: "AUDIT_FAILURE"}.get(keywords >> 48 & 0x30, "INFO")
    when = datetime.fromisoformat(system["TimeCreated_SystemTime"].replace(" UTC", "+00:00")[:26].rstrip("Z"))
    record: dict[str, Any] = {
        "EventTime": when.replace(tzinfo=UTC).isoformat(), "Hostname": system["Computer"],
        "Keywords": str(keywords - (1 << 64) if keywords >> 63 else keywords), "EventType": audit,
        "SeverityValue": 2, "Severity": "INFO", "EventID": int(system["EventID"]),
        "SourceName": system["Provider_Name"], "Version": 2, "TaskValue": 1, "OpcodeValue": 0,
        "RecordNumber": int(system["EventRecordID"]), "ExecutionProcessID": int(system.get("Execution_ProcessID", 0)),
        "ExecutionThreadID": 4, "Channel": system["Channel"], "Opcode": "Info",
        "EventReceivedTime": "2026-03-07T11:00:00+01:00", "SourceModuleName": "in", "SourceModuleType": "im_msvistalog",
    }  # fmt: skip
    if "Provider_Guid" in system:
        record["ProviderGuid"] = braced(system["Provider_Guid"])
    if len(event.unnamed) == 1:
        record["Data"] = event.unnamed[0]
    return record | event.named


def dump(event: Native) -> dict[str, Any]:
    """`evtx_dump -o jsonl`."""
    system: dict[str, Any] = {}
    for name, value in event.system.items():
        outer, _, attribute = name.partition("_")
        if attribute:
            held = system.setdefault(outer, {})
            held = system[outer] = held if isinstance(held, dict) else {"#text": held}
            held.setdefault("#attributes", {})[attribute] = value
        else:
            system[name] = int(value) if value.isdecimal() else value
    data: dict[str, Any] = dict(event.named)
    if event.unnamed:
        data["Data"] = {"#text": event.unnamed if len(event.unnamed) > 1 else event.unnamed[0]}
    body = {event.wrapper: data} if event.wrapper else data
    return {"Event": {"#attributes": {"xmlns": "x"}, "System": system, event.section: body}}


SHAPES: dict[str, Callable[[Native], dict[str, Any]]] = {
    "winlogbeat": winlogbeat,
    "winlogbeat, dotted": dotted,
    "Elastic's agent": elastic_agent,
    "NXLog": nxlog,
    "EVTX dump": dump,
}
