"""One event as Windows renders it (XML) to a flat record: the names of Windows, secrets hidden. Pure and bounded.

What does not lie flat (a field that has the name of a System attribute, too many fields) is sent as XML, in which
the box reads the same; the agent then hides secrets in each of its texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

from agent.redact import redact_text
from agent.redact.names import MARK, is_secret
from agent.wire.event import MODULE, Record

SOURCE = "windows.eventlog"
"""The value of `event.module` by which the box knows these records."""
MAX_FIELDS = 1000
MAX_DEPTH = 32
SYSTEM = frozenset(
    {
        "Provider_Name", "EventID", "Channel", "Computer", "EventRecordID", "Provider_Guid",
        "Provider_EventSourceName", "EventID_Qualifiers", "Version", "Level", "Task", "Opcode", "Keywords",
        "Correlation_ActivityID", "Correlation_RelatedActivityID", "Execution_ProcessID", "Execution_ThreadID",
        "Execution_ProcessorID", "Security_UserID", "TimeCreated_SystemTime",
    }
)  # fmt: skip
"""System attributes that the box knows in a flat record; the others are left out, as it leaves them out."""
_TAKEN = SYSTEM | {
    "ComputerName", "Hostname", "SourceName", "ProviderName", "Provider", "EventId", "RecordID", "RecordNumber",
    "SystemTime", "TimeCreated", "@timestamp", "EventTime", "event.module", "event.id", "event.created",
    "event.ingested", "host.name", "agent.id", "message", "xml", "Event", "winlog", "winlog.channel",
}  # fmt: skip
"""Names that mean something else in a flat record; a field of such a name cannot stand there."""
HARMLESS = frozenset(
    {
        "AccessList", "AccessMask", "Application", "Archived", "AuthenticationPackageName", "CallTrace", "Company",
        "CreationUtcTime", "CurrentDirectory", "Description", "DestAddress", "DestPort", "DestinationHostname",
        "DestinationIp", "DestinationIsIpv6", "DestinationPort", "DestinationPortName", "Direction",
        "ElevatedToken", "EventType", "FileVersion", "FilterRTID", "GrantedAccess", "HandleId", "Hashes", "Image",
        "ImageLoaded", "ImpersonationLevel", "Initiated", "IntegrityLevel", "IpAddress", "IpPort", "IsExecutable",
        "KeyLength", "LayerName", "LayerRTID", "LmPackageName", "LogonGuid", "LogonId", "LogonProcessName",
        "LogonType", "MandatoryLabel", "NewProcessId", "NewProcessName", "NewThreadId", "ObjectServer",
        "ObjectType", "OriginalFileName", "ParentImage", "ParentProcessGuid", "ParentProcessId",
        "ParentProcessName", "ParentUser", "PipeName", "PreviousCreationUtcTime", "PrivilegeList", "ProcessGuid",
        "ProcessID", "ProcessId", "ProcessName", "Product", "Protocol", "QueryStatus", "RelativeTargetName",
        "RemoteMachineID", "RemoteUserID", "RestrictedAdminMode", "RuleName", "ShareName", "Signature",
        "SignatureStatus", "Signed", "SourceAddress", "SourceHostname", "SourceImage", "SourceIp", "SourceIsIpv6",
        "SourcePort", "SourcePortName", "SourceProcessGUID", "SourceProcessId", "SourceThreadId", "SourceUser",
        "StartAddress", "StartFunction", "StartModule", "Status", "SubStatus", "SubjectDomainName",
        "SubjectLogonId", "SubjectUserName", "SubjectUserSid", "TargetDomainName", "TargetFilename", "TargetImage",
        "TargetLinkedLogonId", "TargetLogonGuid", "TargetLogonId", "TargetObject", "TargetProcessGUID",
        "TargetProcessId", "TargetUser", "TargetUserName", "TargetUserSid", "TerminalSessionId",
        "TokenElevationType", "TransmittedServices", "User", "UtcTime", "VirtualAccount", "WorkstationName",
    }
)  # fmt: skip
"""Data that Windows fills by itself with names, numbers and paths of programs: no secret is typed there, and to look
for one in each costs as much as all the rest."""
_SHORTEST = 6
_REGISTRY = {"Details": "TargetObject", "NewValue": "ObjectValueName", "OldValue": "ObjectValueName"}
"""Data of the registry to the data that name it (Sysmon 13, Security 4657)."""
_HEAD = re.compile(
    r"<Provider Name='(?P<Provider_Name>[^'<&]*)'(?: Guid='(?P<Provider_Guid>[^'<&]*)')?/>"
    r"<EventID>(?P<EventID>\d+)</EventID><Version>(?P<Version>\d+)</Version><Level>(?P<Level>\d+)</Level>"
    r"<Task>(?P<Task>\d+)</Task><Opcode>(?P<Opcode>\d+)</Opcode><Keywords>(?P<Keywords>\w+)</Keywords>"
    r"<TimeCreated SystemTime='(?P<TimeCreated_SystemTime>[^'<&]*)'/>"
    r"<EventRecordID>(?P<EventRecordID>\d+)</EventRecordID>"
    r"<Correlation(?: ActivityID='(?P<Correlation_ActivityID>[^'<&]*)')?/>"
    r"<Execution ProcessID='(?P<Execution_ProcessID>\d+)' ThreadID='(?P<Execution_ThreadID>\d+)'/>"
    r"<Channel>(?P<Channel>[^<&\s][^<&]*)</Channel><Computer>(?P<Computer>[^<&\s]+)</Computer>"
    r"<Security(?: UserID='(?P<Security_UserID>[^'<&]*)')?/>"
)
"""System as the services of Windows render it, element by element; any other is read element by element."""
_ELEMENT = re.compile(r"<([A-Za-z]+)((?: [A-Za-z]+=(?:'[^'<\n\t]*'|\"[^\"<\n\t]*\"))*) ?(?:/>|>([^<]*)</\1>)")
_ATTRIBUTE = re.compile(r" ([A-Za-z]+)=(?:'([^']*)'|\"([^\"]*)\")")
_DATA = re.compile(r"<Data Name=(?:'([^'<\n\t]+)'|\"([^\"<\n\t]+)\")(?:/>|>([^<]*)</Data>)")
_TEXT = re.compile(r"(?<=>)[^<]+(?=<)")
_END = "</EventData></Event>"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(#x[0-9A-Fa-f]{1,8};|#[0-9]{1,8};)?")


class NoEvent(ValueError):
    """The text is no event."""


class Found(NamedTuple):
    """What an event holds: System attributes, its data, the rendered message; `crowded` when not all data is there."""

    system: Mapping[str, str]
    data: Mapping[str, str | list[str]]
    message: str = ""
    crowded: bool = False


def scan(text: str) -> Found | None:
    """Return what an event of the usual shape holds, quickly; None for every other, which the parser reads.

    The usual shape is what Windows renders: System, then EventData of named values, each name once, nothing between.
    """
    start, end = text.find("<System>"), text.find("</System><EventData>")
    if end < start or start < 0 or not text.endswith(_END) or "&#" in text or "\r" in text or "<!" in text:
        return None
    head, body = text[start + 8 : end], text[end + 20 : -len(_END)]
    rows = _DATA.findall(body)
    values = {one or other: value for one, other, value in rows}
    system, marks = _system(head)
    if len(values) != len(rows) or marks != head.count("<") or len(rows) > MAX_FIELDS or "Data" in values:
        return None
    if body.count("<") != len(rows) + body.count("</Data>") or "]]>" in body:
        return None
    if "&" in text:
        return Found({n: _plain(v) for n, v in system.items()}, {_plain(n): _plain(v) for n, v in values.items()})
    return Found(system, values)


def _system(head: str) -> tuple[dict[str, str], int]:
    """Return the attributes of the elements of System, and how many tags were read."""
    usual = _HEAD.fullmatch(head)
    if usual is not None:
        return {name: value for name, value in usual.groupdict().items() if value}, head.count("<")
    system: dict[str, str] = {}
    marks = 0
    for element in _ELEMENT.finditer(head):
        name, attributes, value = element.groups()
        marks += 1 if value is None else 2
        for attribute, one, other in _ATTRIBUTE.findall(attributes) if attributes else ():
            full = f"{name}_{attribute}"
            if full in SYSTEM and (one or other):
                system[full] = one or other
        if value and name in SYSTEM and (value := value.strip()):
            system[name] = value
    return system, marks


def _plain(text: str) -> str:
    if "&" not in text:
        return text
    for reference, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(reference, sign)
    return text


def mended(text: str) -> str:
    """Return XML without what XML 1.0 forbids and Windows writes: control characters, surrogates, bad references."""
    if not text.isprintable():
        text = _FORBIDDEN.sub("", text)
    return _REFERENCE.sub(_mend, text) if "&" in text else text


def record_of(text: str) -> Record:
    """Return the record of one rendered event. Raises NoEvent; never anything else."""
    text = mended(text)
    found = scan(text) or _parsed(text)
    if "EventID" not in found.system:
        raise NoEvent("no EventID")
    return _flat(found, text, redact_text)


def _flat(found: Found, text: str, hide: Callable[[str], str]) -> Record:
    if found.crowded or not _TAKEN.isdisjoint(found.data):
        # Each text by itself: what ends a secret in a line is no tag.
        return {MODULE: SOURCE, "xml": _TEXT.sub(lambda found: hide(found[0]), text)}
    record: Record = {MODULE: SOURCE, **found.system, **_clean(found.data, hide)}
    if found.message:
        record["message"] = hide(found.message)
    return record


def _parsed(text: str) -> Found:
    """Return what an event of any shape holds. Raises NoEvent."""
    if "<!DOCTYPE" in text:
        raise NoEvent("a document type")
    reading = _Reading()
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text.append
    try:
        parser.Parse(text, True)
    except ExpatError as error:
        raise NoEvent(str(error)) from error
    return Found(reading.system, reading.data, reading.message, crowded=reading.crowded)


class _Reading:
    """What the parser has met so far; its methods are the parser's handlers."""

    def __init__(self) -> None:
        self.system: dict[str, str] = {}
        self.data: dict[str, str | list[str]] = {}
        self.message = ""
        self.crowded = False
        self.text: list[str] = []
        self._depth = self._leaf = 0
        self._section = self._name = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        depth = self._depth
        if depth > MAX_DEPTH + 2:
            self.crowded = True
        elif depth >= 3:
            self._leaf = depth
            name = _local(tag)
            if self._section == "System":
                for attribute, value in attributes.items():
                    self._of_system(f"{name}_{_local(attribute)}", value)
                self._name = name
            else:
                self._name = attributes.get("Name") or name
        elif depth == 2:
            self._section = _local(tag)
        elif _local(tag) != "Event":
            raise NoEvent(f"the root is {tag[:40]}")
        self.text.clear()

    def end(self, _tag: str) -> None:
        # An element with elements inside is no leaf: only the innermost one carries a value.
        if self._leaf == self._depth:
            self._value("".join(self.text))
        self._leaf = 0
        self._depth -= 1
        self.text.clear()

    def _value(self, value: str) -> None:
        if self._section == "System":
            if value.strip():
                self._of_system(self._name, value.strip())
        elif self._section == "RenderingInfo":
            self.message = value if self._name == "Message" else self.message
        elif len(self.data) < MAX_FIELDS:
            self._add(self._name, value)
        else:
            self.crowded = True

    def _of_system(self, name: str, value: str) -> None:
        if name in SYSTEM and value:
            self.system[name] = value

    def _add(self, name: str, value: str) -> None:
        before = self.data.get(name)
        if before is None:
            self.data[name] = [value] if name == "Data" else value
        elif isinstance(before, list):
            before.append(value)
        else:
            self.data[name] = [before, value]


def _clean(data: Mapping[str, str | list[str]], hide: Callable[[str], str]) -> Record:
    """Return event data with the secrets that it shows hidden."""
    record: Record = {}
    for name, value in data.items():
        if isinstance(value, str):
            record[name] = value if name in HARMLESS or len(value) < _SHORTEST else hide(value)
        else:
            record[name] = [hide(item) for item in value]
    for name, owner in _REGISTRY.items():
        key = data.get(owner)
        if name in record and isinstance(key, str) and is_secret(key.rpartition("\\")[2]):
            record[name] = MARK
    return record


@lru_cache(maxsize=512)
def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _mend(match: re.Match[str]) -> str:
    reference = match.group(1)
    if not reference:
        return "&amp;"
    code = int(reference[2:-1], 16) if reference[1] == "x" else int(reference[1:-1])
    good = code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match.group(0) if good else ""
