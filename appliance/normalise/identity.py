"""Who did it: one canonical name beside the localised one, told by the SID and never by the language."""

from __future__ import annotations

from appliance.normalise.model import Event, Value
from appliance.normalise.schema import UserFields, identities

NATIVE = "winlog.event_data."
_NOBODY = frozenset({"", "-", "S-1-0-0"})


def add_users(event: Event, users: tuple[UserFields, ...]) -> None:
    """Add `<to>.name`, `.domain` and `.id` to an event.

    A localised well-known account is canonical there, and its native field becomes (original, canonical), so that a
    rule sees both spellings.
    """
    for user in users:
        if user.account:
            _add_account(event, NATIVE + user.account, user.to)
        else:
            _add_parts(event, user)


def _add_account(event: Event, key: str, to: str) -> None:
    account = event.get(key)
    if not isinstance(account, str) or account in _NOBODY:
        return
    known = identities().by_name.get(account.casefold())
    if known:
        full = f"{known[0]}\\{known[1]}" if known[0] else known[1]
        if full != account:
            event[key] = (account, full)
        account = full
    domain, _, name = account.rpartition("\\")
    event[to + ".name"] = name
    if domain:
        event[to + ".domain"] = domain


def _add_parts(event: Event, user: UserFields) -> None:
    name = event.get(NATIVE + user.name) if user.name else None
    domain = event.get(NATIVE + user.domain) if user.domain else None
    sid = event.get(NATIVE + user.id) if user.id else None
    if isinstance(name, str) and name not in _NOBODY:
        known = _known(name, domain, sid)
        if known:
            name = _both(event, NATIVE + str(user.name), name, known[1])
            if known[0] and isinstance(domain, str) and user.domain:
                domain = _both(event, NATIVE + user.domain, domain, known[0])
        event[user.to + ".name"] = name
    if isinstance(domain, str) and domain not in _NOBODY:
        event[user.to + ".domain"] = domain
    if isinstance(sid, str) and sid not in _NOBODY:
        event[user.to + ".id"] = sid


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


def _both(event: Event, key: str, text: str, canonical: str) -> str:
    if text.casefold() != canonical.casefold():
        event[key] = (text, canonical)
    return canonical
