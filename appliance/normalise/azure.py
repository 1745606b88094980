"""Azure and Entra ID: sign-ins, audit, activity and risk records, exported or as Microsoft Graph gives them.

Shapes: Azure Monitor's resource log schema (`category`, `properties`), Log Analytics' columns, Graph's signIn,
directoryAudit and riskDetection, Elastic's azure documents. They spell one field in three ways, so native names
stand under `azure.` in small letters, without underscores and without `properties.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from appliance.normalise.flatten import flatten
from appliance.normalise.foreign import finish, first, leaves, put, put_address
from appliance.normalise.model import Event, Raw, Source, Value
from appliance.normalise.vocabulary import Vocabulary, roots

MODULE = "azure"
_PREFIX = "azure."
_TIMES = ("azure.time", "azure.createddatetime", "azure.activitydatetime", "azure.timegenerated", "@timestamp")
_SETS: Mapping[str, str] = MappingProxyType(
    {
        "signinlogs": "signinlogs",
        "noninteractiveusersigninlogs": "signinlogs",
        "serviceprincipalsigninlogs": "signinlogs",
        "managedidentitysigninlogs": "signinlogs",
        "auditlogs": "auditlogs",
        "provisioninglogs": "auditlogs",
        "riskyusers": "riskdetection",
        "userriskevents": "riskdetection",
        "administrative": "activitylogs",
        "servicehealth": "activitylogs",
        "alert": "activitylogs",
        "security": "activitylogs",
        "policy": "activitylogs",
        "identity_protection": "riskdetection",
    }
)
_CATEGORY: Mapping[str, str] = MappingProxyType(
    {
        "signinlogs": "authentication",
        "auditlogs": "iam",
        "activitylogs": "configuration",
        "riskdetection": "intrusion_detection",
    }
)
_OPERATIONS = (
    "azure.operationname",
    "azure.operationnamevalue",
    "azure.activitydisplayname",
    "azure.activitytype",
    "azure.message",
)
_ECS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "user.name": ("azure.userprincipalname", "azure.initiatedby.user.userprincipalname", "azure.identity"),
        "user_agent.original": ("azure.useragent",),
        "event.provider": ("azure.loggedbyservice", "azure.resourceprovider"),
    }
)
_ADDRESSES = ("azure.ipaddress", "azure.calleripaddress", "azure.initiatedby.user.ipaddress")
_GRAPH = (
    frozenset({"userPrincipalName", "conditionalAccessStatus"}),
    frozenset({"activityDisplayName", "loggedByService"}),
)
_ELASTIC = ("activitylogs", "auditlogs", "signinlogs", "identity_protection")


def recognised(record: Raw) -> bool:
    """Tell whether a record that names no module of ours is one of Azure's."""
    if isinstance(record.get("azure"), dict) or "riskEventType" in record or "RiskEventType" in record:
        return True
    category = record.get("category", record.get("Category"))
    if isinstance(category, str) and category.lower() in _SETS and _named(record):
        return True
    return any(names <= record.keys() for names in _GRAPH)


def _named(record: Raw) -> bool:
    return not {"operationName", "OperationName", "OperationNameValue"}.isdisjoint(record)


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one record of Azure."""
    event: Event = {}
    flat = flatten(record, foreign=True)
    for name, value in flat.items():
        _add(event, name, value)
    for name, values in leaves(record).items():
        _add(event, name, values)
    _add_words(event)
    event.setdefault("host.name", "Azure")
    return finish(event, source, MODULE, first(event, _TIMES))


def _add(event: Event, name: str, value: Value) -> None:
    """Set a native field under its folded name; of two that fold alike the first stays, another keeps its full name."""
    bare = name.removeprefix(_PREFIX)
    for dataset in _ELASTIC if bare != name else ():
        bare = bare.removeprefix(f"{dataset}.")
    if bare == name and name.partition(".")[0] in roots():
        event.setdefault(name, value)
        return
    key = _PREFIX + Vocabulary.folded(bare)
    if not put(event, key, value) and event[key] != value:
        put(event, f"{_PREFIX}{bare.lower()}", value)


def _add_words(event: Event) -> None:
    found = [event.get(name) for name in _OPERATIONS]
    names = tuple(dict.fromkeys(value for value in found if isinstance(value, str)))
    if names:
        event["azure.operation"] = names[0] if len(names) == 1 else names
        event.setdefault("event.action", names[0])
    dataset = _dataset(event)
    if dataset:
        event["event.dataset"] = f"{MODULE}.{dataset}"
        event.setdefault("event.category", _CATEGORY[dataset])
    for key, natives in _ECS.items():
        value = first(event, natives)
        if isinstance(value, str) and value:
            event.setdefault(key, value)
    put_address(event, "source", first(event, _ADDRESSES))
    outcome, said = _outcome(event), event.get("azure.status")
    if outcome:
        event.setdefault("event.outcome", outcome)
    words = {word: None for word in (said, outcome and outcome.capitalize()) if isinstance(word, str)}
    if words:
        # Rules ask for `Status: Success` where Graph gives a code alone.
        event["azure.outcome"] = tuple(words)


def _dataset(event: Event) -> str | None:
    given = str(event.get("event.dataset", "")).removeprefix(_PREFIX)
    if given in _CATEGORY or given in _SETS:
        return _SETS.get(given, given)
    if "azure.riskeventtype" in event:
        return "riskdetection"
    category = event.get("azure.category")
    if isinstance(category, str) and category.lower() in _SETS:
        return _SETS[category.lower()]
    if "azure.conditionalaccessstatus" in event:
        return "signinlogs"
    return "auditlogs" if "azure.loggedbyservice" in event else None


def _outcome(event: Event) -> str | None:
    code = first(event, ("azure.status.errorcode", "azure.resulttype"))
    if code is not None and str(code).lstrip("-").isdecimal():
        return "success" if int(str(code)[:20]) == 0 else "failure"
    said = str(first(event, ("azure.result", "azure.resulttype", "azure.status")) or "").lower()
    if said in {"success", "succeeded"}:
        return "success"
    return "failure" if said in {"failure", "failed"} else None
