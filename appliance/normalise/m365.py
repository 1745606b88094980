"""Microsoft 365: records of the unified audit log.

Shape: Office 365 Management Activity API schema; also rows of the portal's export, whose AuditData is the record as
text, and Elastic's o365 documents. Native names stay, under `m365.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from appliance.normalise.decode import decode
from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import finish, first, leaves, name_and_value, put, put_address
from appliance.normalise.model import Event, Raw, Source, Unreadable

MODULE = "m365"
_PREFIX = "m365."
_ELASTIC = "o365.audit."
_TIMES = ("m365.CreationTime", "m365.CreationDate", "@timestamp")
#: Lists of {Name, Value}: each value also gets a key of its own, under the list's name in the singular.
_PAIRS: Mapping[str, str] = MappingProxyType(
    {
        "Parameters": "Parameter",
        "ExtendedProperties": "ExtendedProperty",
        "OperationProperties": "OperationProperty",
        "ModifiedProperties": "ModifiedProperty",
    }
)
_ECS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "event.action": ("m365.Operation",),
        "event.provider": ("m365.Workload",),
        "user.name": ("m365.UserId",),
        "user_agent.original": ("m365.UserAgent", "m365.ExtendedProperty.UserAgent", "m365.ClientInfoString"),
        "file.name": ("m365.SourceFileName",),
        "url.full": ("m365.ObjectId",),
    }
)
_OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "success": "success",
        "succeeded": "success",
        "partiallysucceeded": "success",
        "true": "success",
        "failed": "failure",
        "failure": "failure",
        "false": "failure",
    }
)
_CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "Exchange": "email",
        "SharePoint": "file",
        "OneDrive": "file",
        "AzureActiveDirectory": "iam",
        "SecurityComplianceCenter": "intrusion_detection",
        "ThreatIntelligence": "threat",
    }
)


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is one of the audit log."""
    if isinstance(record.get("AuditData"), str) and "Operations" in record:
        return True
    if isinstance(record.get("o365"), dict) or f"{_ELASTIC}Operation" in record:
        return True
    return {"Operation", "Workload"} <= record.keys() and not {"CreationTime", "RecordType"}.isdisjoint(record)


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one audit record."""
    inner = _inner(record)
    event: Event = {}
    for name, value in flatten(record if inner is None else inner, foreign=True).items():
        native = inner is not None or not _ours(name)
        event[_native(name) if native else name] = value
    _add_pairs(event, record if inner is None else inner)
    _add_words(event)
    return finish(event, source, MODULE, first(event, _TIMES))


def _inner(record: Raw) -> dict[str, Any] | None:
    """Return the audit record that another document carries; None when the record is one itself, or ours already."""
    data = record.get("AuditData")
    if isinstance(data, str):
        try:
            return decode(data.encode("utf-8", "surrogatepass"))
        except Unreadable as error:
            raise Unreadable(f"Pole AuditData jest nieczytelne. {error.reason}") from error
    held = record.get("o365")
    audit = held.get("audit") if isinstance(held, dict) else None
    if isinstance(audit, dict):
        return audit
    return {name.removeprefix(_ELASTIC): value for name, value in record.items() if name.startswith(_ELASTIC)} or None


def _ours(name: str) -> bool:
    """Tell whether a name is an event key already: Microsoft's names begin with a capital letter."""
    return not name[0].isupper()


def _native(name: str) -> str:
    return name if name.startswith(_PREFIX) else _PREFIX + name


def _add_pairs(event: Event, record: Raw) -> None:
    for plural, singular in _PAIRS.items():
        for name, value in name_and_value(record.get(plural), ("Value", "NewValue")):
            put(event, f"{_PREFIX}{singular}.{name}", value)
    for name, values in leaves(record).items():
        if name.partition(".")[0] not in _PAIRS:
            put(event, _native(name), values)


def _add_words(event: Event) -> None:
    for key, natives in _ECS.items():
        value = first(event, natives)
        if isinstance(value, str) and value and (key != "url.full" or value.startswith(("http://", "https://"))):
            event.setdefault(key, value)
    put_address(event, "source", first(event, ("m365.ClientIP", "m365.ClientIPAddress", "m365.ActorIpAddress")))
    operation, name = event.get("m365.Operation"), event.get("m365.Name")
    names = tuple(value for value in (operation, name) if isinstance(value, str))
    if names:
        event["m365.Event"] = names[0] if len(names) == 1 else names
    workload = str(event.get("m365.Workload", ""))
    login = isinstance(operation, str) and operation.startswith("UserLog")
    event.setdefault("event.category", "authentication" if login else _CATEGORIES.get(workload, "configuration"))
    outcome = _outcome(event)
    if outcome:
        event.setdefault("event.outcome", outcome)
    event.setdefault("event.dataset", "m365.audit")
    if "host.name" not in event:
        event["host.name"] = str(event.get("m365.OrganizationName") or "Microsoft 365")


def _outcome(event: Event) -> str | None:
    if event.get("m365.Operation") == "UserLoginFailed":
        return "failure"
    return _OUTCOMES.get(str(event.get("m365.ResultStatus", "")).lower())
