"""Windows in ECS: documents of winlogbeat and of Elastic's agent, so that they become what the native record becomes.

Winlogbeat's Sysmon and Security modules move native fields to ECS names and take them out of `event_data`; Elastic's
own sensor never had native names. Both are documented with ECS 9 and the windows and endpoint integrations.
"""

from __future__ import annotations

from typing import Any

from appliance.normalise.common import text_of
from appliance.normalise.foreign import at
from appliance.normalise.identity import who
from appliance.normalise.localised import add_english
from appliance.normalise.model import Event, Raw
from appliance.normalise.schema import Group, UserFields

NATIVE = "winlog.event_data."
_DIGESTS = ("md5", "sha1", "sha256", "imphash")
#: Winlogbeat 7 writes a loaded library as a file, and every event's digests under `hash` besides.
_LIBRARY, _FILE = "dll.", "file."
_HASHED = ("process.hash", "file.hash", "dll.hash")
_ACCOUNTS = (("user", "User"), ("process.parent.user", "ParentUser"))
_WHO = tuple(who(UserFields(to, account=native)) for to, native in _ACCOUNTS)
_LEVEL = "process.Ext.token.integrity_level_name"


def undotted(record: Raw) -> dict[str, Any]:
    """Return the `winlog` object of a record whose names are dotted: winlog.channel, winlog.event_data.Image …"""
    winlog: dict[str, Any] = {}
    for name, value in record.items():
        head, _, rest = name.partition(".")
        if head == "winlog" and rest:
            outer, dot, inner = rest.partition(".")
            if not dot:
                winlog[outer] = value
            else:
                held = winlog.setdefault(outer, {})
                if isinstance(held, dict):
                    held[inner] = value
    return winlog


def add_natives(record: Raw, group: Group, data: dict[str, Any]) -> None:
    """Add to native event data what the record has under ECS names alone, by the group's own table read backwards."""
    for names in (group.fields, group.integers, group.addresses, group.guids):
        for native, key in names.items():
            _add(data, native, at(record, key))
            if key.startswith(_LIBRARY):
                _add(data, native, at(record, _FILE + key.removeprefix(_LIBRARY)))
    for user in group.users:
        name, domain = at(record, f"{user.to}.name"), at(record, f"{user.to}.domain")
        if user.account:
            _add(data, user.account, _account(domain, name))
        else:
            parts = ((user.name, name), (user.domain, domain), (user.id, at(record, f"{user.to}.id")))
            for field, value in parts:
                _add(data, field or "", value)
    if group.hashes:
        name, prefix = group.hashes
        _add(data, name, _digests({kind: at(record, f"{prefix}.{kind}") for kind in _DIGESTS}))
        _add(data, name, _digests({kind: at(record, f"hash.{kind}") for kind in _DIGESTS}))


def add_words(event: Event) -> None:
    """Add the native words that Windows rules ask for to an ECS event of a Windows computer without native fields."""
    if event.get("host.os.type") != "windows":
        return
    for (to, native), account in zip(_ACCOUNTS, _WHO, strict=True):
        text = _account(event.get(f"{to}.domain"), event.get(f"{to}.name"))
        if text and NATIVE + native not in event:
            event[NATIVE + native] = text
            account.add(event)
    for prefix in _HASHED:
        digests = _digests({name: event.get(f"{prefix}.{name}") for name in _DIGESTS})
        if digests:
            event.setdefault(NATIVE + "Hashes", digests)
    add_english(event)
    level = event.get(_LEVEL)
    if isinstance(level, str):
        event.setdefault(NATIVE + "IntegrityLevel", level)


def _add(data: dict[str, Any], native: str, value: Any) -> None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    text = text_of(value)
    if native and text is not None:
        data.setdefault(native, text)


def _account(domain: Any, name: Any) -> str | None:
    if not isinstance(name, str) or not name:
        return None
    return f"{domain}\\{name}" if isinstance(domain, str) and domain else name


def _digests(found: dict[str, Any]) -> str | None:
    """Return digests as Sysmon writes them: `MD5=…,SHA256=…`."""
    return ",".join(f"{name.upper()}={value}" for name, value in found.items() if isinstance(value, str)) or None
