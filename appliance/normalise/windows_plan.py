"""How the fields of one class of Windows events move to their event keys, prepared once and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from appliance.normalise.common import short_address, text_of
from appliance.normalise.fields import NATIVE, native_key
from appliance.normalise.identity import add_users
from appliance.normalise.model import Event, Unreadable
from appliance.normalise.schema import Group, windows

MAX_CACHED_NAMES = 512
"""Unknown field names that one plan keeps."""
MAX_NAME = 256
_LOGON_TYPES = {
    "0": "System", "2": "Interactive", "3": "Network", "4": "Batch", "5": "Service", "7": "Unlock",
    "8": "NetworkCleartext", "9": "NewCredentials", "10": "RemoteInteractive", "11": "CachedInteractive",
    "12": "CachedRemoteInteractive", "13": "CachedUnlock",
}  # fmt: skip
_AUDIT_FAILURE, _AUDIT_SUCCESS = 0x10000000000000, 0x20000000000000
_NAMES = (("process.executable", "process.name"), ("process.parent.executable", "process.parent.name"))


@lru_cache(maxsize=4096)
def plan_for(channel: str, code: int) -> Plan:
    """Return the plan of a channel's event id."""
    return Plan(channel, windows().group(channel, code))


class Plan:
    """The moves of one (channel, event id). Holds a bounded cache of names that no table knows."""

    def __init__(self, channel: str, group: Group | None) -> None:
        table = windows()
        self._system = [(name, key) for name, key in table.system.items() if name not in ("EventID", "Channel")]
        self._system_keys = tuple(key for _, key in self._system)
        self._security = channel == "Security"
        self._group = group
        self._keys: dict[str, str] = {}
        self.special: dict[str, Callable[[Any, str], tuple[Any, str]]] = {}
        if group:
            self._keys |= {**group.fields, **group.integers, **group.addresses, **group.guids}
            for names, convert in ((group.integers, _integer), (group.addresses, _address), (group.guids, _guid)):
                self.special.update({name: _or_native(convert, name) for name in names})
        self._constants = dict(group.event) if group else {}

    def system(self, system: dict[str, Any], event: Event) -> None:
        """Move the System attributes."""
        for name, key in self._system:
            value = system.get(name)
            text = text_of(value)
            if text is not None:
                event[key] = text
        self.finish_system(event)

    def finish_system(self, event: Event) -> None:
        """Drop empty System attributes and make the record number an integer."""
        if "" in event.values():
            for key in self._system_keys:
                if event.get(key) == "":
                    del event[key]
        record_id = event.get("winlog.record_id")
        if isinstance(record_id, str) and record_id.isdecimal() and len(record_id) < 19:
            event["winlog.record_id"] = int(record_id)

    def data(self, data: dict[str, Any], event: Event) -> None:
        """Move the event data, then add what follows from it."""
        keys, special = self._keys, self.special
        for name, raw in data.items():
            value = raw if type(raw) is str else _scalars(name, raw, event)
            if value is None:
                continue
            key = keys.get(name) or self._learn(name)
            if name in special:
                value, key = special[name](value, key)
            event[key] = value
        self.derive(event)

    def key(self, name: str) -> str:
        """Return the event key of a native field. Raises Unreadable for a name that is none."""
        return self._keys.get(name) or self._learn(name)

    def _learn(self, name: str) -> str:
        """Return the native key of a name that no table knows, and keep it while there is room."""
        key = self._keys.get(name.replace(" ", "")) or native_key(name)
        if len(name) > MAX_NAME or not name.isprintable():
            raise Unreadable("Zdarzenie systemu Windows ma pole o niedopuszczalnej nazwie.")
        if len(self._keys) < MAX_CACHED_NAMES:
            self._keys[name] = key
        return key

    def derive(self, event: Event) -> None:
        """Add what follows from the moved fields: meaning, names, outcome, addresses, hashes, users."""
        event.update(self._constants)
        group = self._group
        for path, name in _NAMES:
            value = event.get(path)
            if type(value) is str and value:
                event[name] = value.rpartition("\\")[2]
        if self._security:
            _outcome(event)
            logon_type = event.get(NATIVE + "LogonType")
            if logon_type in _LOGON_TYPES:
                event["winlog.logon.type"] = _LOGON_TYPES[logon_type]
        if group is None:
            return
        for name, key in group.copies.items():
            value = event.get(NATIVE + name)
            address = short_address(value)
            if address:
                event[key] = address
        if group.hashes:
            _hashes(event, *group.hashes)
        add_users(event, group.users)


def _or_native(convert: Callable[[Any], Any], name: str) -> Callable[[Any, str], tuple[Any, str]]:
    """Return a conversion that leaves what does not fit under its native key."""
    native = native_key(name)

    def move(value: Any, key: str) -> tuple[Any, str]:
        converted = convert(value)
        return (value, native) if converted is None else (converted, key)

    return move


def _scalars(name: str, value: Any, event: Event) -> Any:
    """Return text, or a tuple of texts; structures go in under their own dotted names."""
    text = text_of(value)
    if text is not None:
        return text
    if isinstance(value, list):
        items = tuple(item for item in map(text_of, value) if item is not None)
        return items or None
    if isinstance(value, dict):
        for inner, item in value.items():
            nested = _scalars(f"{name}.{inner}", item, event)
            if nested is not None:
                event[native_key(f"{name}.{inner}")] = nested
    return None


def _integer(value: Any) -> int | None:
    try:
        number = int(value, 16) if value[:2] in ("0x", "0X") else int(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 1 << 63 else None


@lru_cache(maxsize=8192)
def _valid_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _address(value: Any) -> str | None:
    return value if isinstance(value, str) and _valid_address(value) else None


def _guid(value: Any) -> str | None:
    return value.strip("{}") if isinstance(value, str) else None


@lru_cache(maxsize=256)
def _audit_outcome(keywords: object) -> str | None:
    try:
        bits = int(keywords, 16) if isinstance(keywords, str) and len(keywords) < 20 else 0
    except ValueError:
        return None
    if bits & _AUDIT_FAILURE:
        return "failure"
    return "success" if bits & _AUDIT_SUCCESS else None


def _outcome(event: Event) -> None:
    if "event.outcome" in event:
        return
    outcome = _audit_outcome(event.get("winlog.system.Keywords"))
    if outcome:
        event["event.outcome"] = outcome


def _hashes(event: Event, name: str, to: str) -> None:
    value = event.get(NATIVE + name)
    if not isinstance(value, str):
        return
    for part in value.split(","):
        kind, equals, digest = part.partition("=")
        if equals and kind in ("MD5", "SHA1", "SHA256", "IMPHASH"):
            event[f"{to}.{kind.lower()}"] = digest
