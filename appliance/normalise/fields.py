"""From the field name that a Sigma rule uses to the event key that holds its value."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from appliance.normalise.identity import ACCOUNT
from appliance.normalise.schema import Group, windows
from appliance.normalise.vocabulary import roots, vocabulary

NATIVE = "winlog.event_data."


def native_key(name: str) -> str:
    """Return the event key of a Windows field that the table does not rename."""
    return NATIVE + name.replace(" ", "")


def sigma_key(module: str, channel: str | None, code: int | None, category: str | None) -> Callable[[str], str]:
    """Return the resolver from Sigma field names to event keys for one class of events.

    A dotted name that begins like an event key is one already and resolves to itself. Windows names that no table
    knows are native ones; other modules give such names the prefix that rules/schema/sources.yaml says.
    """
    if module == "windows.eventlog":
        return _windows_key(channel, code)
    words = vocabulary(module)
    return lambda name: words.key(name, category)


def _windows_key(channel: str | None, code: int | None) -> Callable[[str], str]:
    table = windows()
    known = dict(table.system)
    known.update({alias: table.system[name] for alias, name in table.system_aliases.items()})
    group = table.group(channel, code)
    moved = group_moves(group) if group else {}
    if group:
        known.update(group_keys(group))

    def resolve(name: str) -> str:
        if "." in name and name.partition(".")[0] in roots():
            return name
        # The normaliser moves a field by its name without blanks, too.
        return known.get(name) or moved.get(name.replace(" ", "")) or native_key(name)

    return resolve


@cache
def told_twice() -> frozenset[str]:
    """Return the event keys that may hold an account's name as (as written, in English)."""
    users = [user for group in windows().groups for user in group.users]
    names = {name for user in users for name in (user.account, user.name, user.domain) if name}
    return frozenset({ACCOUNT, *map(native_key, names)})


def group_moves(group: Group) -> dict[str, str]:
    """Return native name -> event key for what one group moves."""
    return {**group.fields, **group.integers, **group.addresses, **group.guids}


def group_keys(group: Group) -> dict[str, str]:
    """Return Sigma name -> event key for one group: its renames, and its aliases in front of them."""
    renames = group_moves(group)
    keys = {**renames, **{user.whole: ACCOUNT for user in group.users if user.whole}}
    for alias, native in group.aliases.items():
        keys[alias] = renames.get(native) or native_key(native)
    return keys
