"""From a record on the wire to a canonical event: pure functions, one module a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from appliance.normalise import (
    azure,
    czujka_agent,
    fim,
    firewall,
    json_event,
    linux_audit,
    linux_syslog,
    m365,
    network,
    proxy,
    unreadable,
    webserver,
    windows_eventlog,
    windows_quick,
)
from appliance.normalise.decode import glance, settled
from appliance.normalise.model import Event, Normaliser, Raw, Source, Unreadable
from appliance.normalise.windows_quick import quickly

NORMALISERS: Mapping[str, Normaliser] = MappingProxyType(
    {
        windows_quick.MODULE: windows_eventlog.normalise,
        linux_audit.MODULE: linux_audit.normalise,
        linux_syslog.MODULE: linux_syslog.normalise,
        czujka_agent.MODULE: czujka_agent.normalise,
        fim.MODULE: fim.normalise,
        network.MODULE: network.normalise,
        m365.MODULE: m365.normalise,
        azure.MODULE: azure.normalise,
        webserver.MODULE: webserver.normalise,
        proxy.MODULE: proxy.normalise,
        firewall.MODULE: firewall.normalise,
        json_event.MODULE: json_event.normalise,
        unreadable.MODULE: unreadable.normalise,
    }
)
"""Every source: the value of a record's `event.module` to its normaliser."""
_by_module = dict(NORMALISERS)
_SHAPES: Mapping[str, Callable[[Raw], bool]] = MappingProxyType(
    {
        network.MODULE: network.recognised,
        m365.MODULE: m365.recognised,
        azure.MODULE: azure.recognised,
        webserver.MODULE: webserver.recognised,
        proxy.MODULE: proxy.recognised,
        firewall.MODULE: firewall.recognised,
    }
)
"""Sources whose records are told by their shape, in the order in which they are asked."""


def normalise(line: bytes, source: Source) -> Event:
    """Return the canonical event of one wire record. Raises Unreadable, and nothing else, for what is none."""
    glanced = glance(line)
    event = quickly(glanced, len(line), source) if type(glanced) is dict and "EventID" in glanced else None
    if event is None:
        record = settled(line, glanced)
        event = _by_module[module_of(record)](record, source)
    return event


def module_of(record: Raw) -> str:
    """Return the module that a record names, or the one its shape shows."""
    named = record.get("event.module")
    if isinstance(named, str) and named in _by_module:
        return named
    if _is_windows(record):
        return windows_quick.MODULE
    return next((module for module, fits in _SHAPES.items() if fits(record)), json_event.MODULE)


def _is_windows(record: Raw) -> bool:
    if "EventID" in record and ("Channel" in record or "Provider_Name" in record):
        return True
    winlog = record.get("winlog")
    if isinstance(winlog, dict):
        return "channel" in winlog
    if isinstance(record.get("winlog.channel"), str):
        return True
    event = record.get("Event")
    return isinstance(event, dict) and isinstance(event.get("System"), dict)


__all__ = ["NORMALISERS", "Event", "Normaliser", "Source", "Unreadable", "module_of", "normalise"]
