"""What the hits of an alert have in common: the host, and the account where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LENGTH = 255
_ACCOUNTS = (
    ("user.domain", "user.name"),
    ("winlog.event_data.TargetDomainName", "winlog.event_data.TargetUserName"),
    ("winlog.event_data.SubjectDomainName", "winlog.event_data.SubjectUserName"),
    ("", "winlog.event_data.User"),
)
_NOBODY = frozenset({"", "-"})


def text_of(event: Mapping[str, Any], key: str) -> str:
    """Return a field as text that any database takes; the first of several values, nothing for a missing one."""
    value = event.get(key, "")
    if isinstance(value, (tuple, list)):
        value = value[0] if value else ""
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode()[:_LENGTH]


def account_of(event: Mapping[str, Any]) -> str:
    """Return the account of an event as its source wrote it, with the domain where there is one."""
    for domain_key, name_key in _ACCOUNTS:
        name = text_of(event, name_key)
        if name in _NOBODY:
            continue
        domain = text_of(event, domain_key) if domain_key else ""
        return name if domain in _NOBODY else f"{domain}\\{name}"[:_LENGTH]
    return ""


def entity_of(event: Mapping[str, Any]) -> str:
    """Return the entity: `account@host` or the host, in lower case, because Windows changes case at will."""
    account, host = account_of(event), text_of(event, "host.name")
    return (f"{account}@{host}" if account else host).lower()[:_LENGTH]
