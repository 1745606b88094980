"""Who did it: one canonical name beside the localised one, told by the SID and never by the language.

The same few accounts come again and again, so what each adds to an event is kept, bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from appliance.normalise.model import Event, Value
from appliance.normalise.schema import UserFields, identities

NATIVE = "winlog.event_data."
ACCOUNT = "czujka.process.account"
"""DOMAIN\\name of events that have the two apart."""
MAX_KEPT = 4096
"""Accounts that one class of events keeps."""
MAX_KEPT_TEXT = 256
"""Characters of an account that is kept."""
_NOBODY = frozenset({"", "-", "S-1-0-0"})


class Who(Protocol):
    """Adds `<to>.name`, `.domain` and `.id` to an event.

    A localised well-known account is canonical there, and its native field becomes (original, canonical), so that a
    rule sees both spellings.
    """

    @property
    def keys(self) -> tuple[str, ...]:
        """Where the account stands, "" for what the source does not write; without any there is nothing to add."""

    @property
    def kept(self) -> Mapping[object, Event]:
        """What `facts` keeps, by the value of the one key or by the values of several."""

    def facts(self, *values: Value | None) -> Event:
        """Return what the values of the keys add, which the caller must not change."""

    def add(self, event: Event) -> None:
        """Add what is known to the event."""


def who(user: UserFields) -> Who:
    """Return what adds the user that some native fields name."""
    return _Account(user) if user.account else _Parts(user)


class _Account:
    """One field DOMAIN\\name."""

    def __init__(self, user: UserFields) -> None:
        self._key, self._to = f"{NATIVE}{user.account}", user.to
        self.keys = (self._key,)
        self.kept: dict[object, Event] = {}

    def add(self, event: Event) -> None:
        event.update(self.facts(event.get(self._key)))

    def facts(self, *values: Value | None) -> Event:
        (account,) = values
        known = self.kept.get(account)
        if known is None:
            known = self._facts(account) if isinstance(account, str) else {}
            _keep(self.kept, account, known, values)
        return known

    def _facts(self, account: str) -> Event:
        facts: Event = {}
        if account in _NOBODY:
            return facts
        known = identities().by_name.get(account.casefold())
        if known:
            full = f"{known[0]}\\{known[1]}" if known[0] else known[1]
            if full != account:
                facts[self._key] = (account, full)
            account = full
        domain, _, name = account.rpartition("\\")
        facts[self._to + ".name"] = name
        if domain:
            facts[self._to + ".domain"] = domain
        return facts


class _Parts:
    """Separate fields for name, domain and SID."""

    def __init__(self, user: UserFields) -> None:
        # No event has the empty key.
        self._name, self._domain, self._id = (NATIVE + n if n else "" for n in (user.name, user.domain, user.id))
        self.keys = (self._name, self._domain, self._id)
        self._to = user.to
        self._whole = bool(user.whole)
        self.kept: dict[object, Event] = {}

    def add(self, event: Event) -> None:
        event.update(self.facts(event.get(self._name), event.get(self._domain), event.get(self._id)))

    def facts(self, *values: Value | None) -> Event:
        known = self.kept.get(values)
        if known is None:
            known = self._facts(*values)
            _keep(self.kept, values, known, values)
        return known

    def _facts(self, name: Value | None, domain: Value | None, sid: Value | None) -> Event:
        facts: Event = {}
        if isinstance(name, str) and name not in _NOBODY:
            if self._whole:
                facts[ACCOUNT] = _account(name, domain, sid)
            known = _known(name, domain, sid)
            if known:
                name = _both(facts, self._name, name, known[1])
                if known[0] and isinstance(domain, str):
                    domain = _both(facts, self._domain, domain, known[0])
            facts[self._to + ".name"] = name
        if isinstance(domain, str) and domain not in _NOBODY:
            facts[self._to + ".domain"] = domain
        if isinstance(sid, str) and sid not in _NOBODY:
            facts[self._to + ".id"] = sid
        return facts


def _account(name: str, domain: Value | None, sid: Value | None) -> Value:
    """Return DOMAIN\\name as Sysmon would write it; a localised one as (original, canonical).

    Windows logs SYSTEM by the computer's own account, with SYSTEM's SID: that is SYSTEM.
    """
    written = f"{domain}\\{name}" if isinstance(domain, str) and domain not in _NOBODY else name
    known = identities().by_sid.get(sid) if isinstance(sid, str) else None
    known = known or _known(name, domain, sid)
    full = written if known is None else f"{known[0]}\\{known[1]}" if known[0] else known[1]
    return written if full.casefold() == written.casefold() else (written, full)


def _keep(kept: dict[object, Event], key: object, facts: Event, parts: tuple[Value | None, ...]) -> None:
    for part in parts:
        if part is not None and (not isinstance(part, str) or len(part) > MAX_KEPT_TEXT):
            return
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = facts


def _known(name: str, domain: Value | None, sid: Value | None) -> tuple[str | None, str] | None:
    """Return the canonical (domain, name) of a well-known account.

    A name with `$` is the computer's own account, which Windows logs under SYSTEM's SID: that is no translation.
    An administrator may rename RID 500 and 501, so those are canonical only when the name is a known translation.
    """
    table = identities()
    if isinstance(sid, str) and not name.endswith("$"):
        known = table.by_sid.get(sid)
        if known:
            return known
        if sid.startswith("S-1-5-21-"):
            known = table.by_rid.get(sid.rpartition("-")[2])
            return known if known and table.by_name.get(name.casefold()) == known else None
    full = f"{domain}\\{name}" if isinstance(domain, str) and domain not in _NOBODY else name
    return table.by_name.get(full.casefold())


def _both(facts: Event, key: str, text: str, canonical: str) -> str:
    if text.casefold() != canonical.casefold():
        facts[key] = (text, canonical)
    return canonical
