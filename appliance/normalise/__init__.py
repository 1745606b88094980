"""From a record on the wire to a canonical event: pure functions, one module a source."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from appliance.normalise import (
    czujka_agent,
    json_event,
    linux_audit,
    linux_syslog,
    unreadable,
    windows_eventlog,
    windows_quick,
)
from appliance.normalise.decode import decode
from appliance.normalise.model import Event, Normaliser, Raw, Source, Unreadable

NORMALISERS: Mapping[str, Normaliser] = MappingProxyType(
    {
        windows_quick.MODULE: windows_eventlog.normalise,
        linux_audit.MODULE: linux_audit.normalise,
        linux_syslog.MODULE: linux_syslog.normalise,
        czujka_agent.MODULE: czujka_agent.normalise,
        json_event.MODULE: json_event.normalise,
        unreadable.MODULE: unreadable.normalise,
    }
)
"""Every source: the value of a record's `event.module` to its normaliser."""
_by_module = dict(NORMALISERS)


def normalise(line: bytes, source: Source) -> Event:
    """Return the canonical event of one wire record. Raises Unreadable, and nothing else, for what is none."""
    record = decode(line)
    return _by_module[module_of(record)](record, source)


def module_of(record: Raw) -> str:
    """Return the module that a record names, or the one its shape shows."""
    named = record.get("event.module")
    if isinstance(named, str) and named in _by_module:
        return named
    if _is_windows(record):
        return windows_quick.MODULE
    return json_event.MODULE


def _is_windows(record: Raw) -> bool:
    if "EventID" in record and ("Channel" in record or "Provider_Name" in record):
        return True
    winlog = record.get("winlog")
    if isinstance(winlog, dict):
        return "channel" in winlog
    event = record.get("Event")
    return isinstance(event, dict) and isinstance(event.get("System"), dict)


__all__ = ["NORMALISERS", "Event", "Normaliser", "Source", "Unreadable", "module_of", "normalise"]
