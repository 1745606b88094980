"""The tables under rules/schema, loaded and checked once. Faults are SchemaError with file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from appliance.normalise.tables import SchemaError, Table, read_table
from rules import ROOT

FOLDER = ROOT / "schema"
TYPES = frozenset({"keyword", "wildcard", "text", "long", "ip", "date", "boolean"})
_NAME = re.compile(r"[@a-z][\w@]*(\.[A-Za-z_]\w*)*", re.ASCII)
_FIRST_GROUP = 512
"""The least RID of a group that every domain has."""
_SID = re.compile(r"S-1(-\d+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """One named field: its type and what it is, in Polish and English."""

    name: str
    type: str
    pl: str
    en: str


@dataclass(frozen=True, slots=True)
class UserFields:
    """Which native fields say who it was, and under which ECS prefix that goes."""

    to: str
    account: str | None = None
    name: str | None = None
    domain: str | None = None
    id: str | None = None
    whole: str | None = None
    """Sigma's field for DOMAIN\\name that the source does not write; it stands under `czujka.process.account`."""


@dataclass(frozen=True, slots=True)
class Group:
    """One class of Windows events: channels with event ids (None: all others), and where their fields go."""

    name: str
    channels: tuple[str, ...]
    codes: frozenset[int] | None
    event: Mapping[str, str | tuple[str, ...]]
    fields: Mapping[str, str] = field(default_factory=dict)
    integers: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    guids: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    users: tuple[UserFields, ...] = ()
    hashes: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WindowsTable:
    """rules/schema/windows.yaml."""

    system: Mapping[str, str]
    system_aliases: Mapping[str, str]
    channel_aliases: Mapping[str, str]
    groups: tuple[Group, ...]

    def group(self, channel: str | None, code: int | None) -> Group | None:
        """Return the group of a channel's event: one that names the event id, else the channel's `any`."""
        fallback = None
        for group in self.groups:
            if channel not in group.channels:
                continue
            if group.codes is None:
                fallback = group
            elif code in group.codes:
                return group
        return fallback


@dataclass(frozen=True, slots=True)
class Identities:
    """Well-known accounts and groups: canonical (domain, name) by SID, RID and casefolded localised spelling.

    `groups` has the English name of each group by its casefolded localised one, without the domain.
    """

    by_sid: Mapping[str, tuple[str | None, str]]
    by_rid: Mapping[str, tuple[str | None, str]]
    by_name: Mapping[str, tuple[str | None, str]]
    groups: Mapping[str, str] = field(default_factory=dict)


def load_fields(path: Path) -> dict[str, Field]:
    """Return the fields of one fields.yaml by name."""
    table = read_table(path)
    listed = table.table("fields")
    table.close()
    if listed is None:
        raise table.fault("fields is missing")
    return {name: _field(listed, name) for name in listed.keys()}  # noqa: SIM118 - not a dict


def _field(listed: Table, name: str) -> Field:
    row = listed.table(name)
    assert row is not None
    if not _NAME.fullmatch(name):
        raise listed.fault(f"{name!r} is no dotted name", name)
    result = Field(name, row.text("type"), row.text("pl"), row.text("en"))
    row.close()
    if result.type not in TYPES:
        raise row.fault(f"unknown type {result.type!r}", "type")
    return result


def load_windows(path: Path, known: Mapping[str, Field]) -> WindowsTable:
    """Return the table of a windows.yaml; its targets must be `known` fields of a fitting type, or winlog.system.*."""
    table = read_table(path)
    result = WindowsTable(
        system=table.names("system"),
        system_aliases=table.names("system_aliases"),
        channel_aliases=table.names("channel_aliases"),
        groups=tuple(_group(item, known) for item in table.tables("groups")),
    )
    table.close()
    for alias, name in result.system_aliases.items():
        if name not in result.system:
            raise table.fault(f"system_aliases: {alias} names {name}, which system does not have", "system_aliases")
    _check_overlap(table, result.groups)
    return result


def _check_overlap(table: Table, groups: tuple[Group, ...]) -> None:
    seen: dict[tuple[str, int | None], str] = {}
    for group in groups:
        for place in ((channel, code) for channel in group.channels for code in group.codes or (None,)):
            if place in seen:
                raise table.fault(f"{place} stands in {seen[place]!r} and in {group.name!r}", "groups")
            seen[place] = group.name


_FITTING = {"integers": {"long"}, "addresses": {"ip"}, "copies": {"ip"}}
_TEXTS = {"keyword", "wildcard", "text"}


def _group(item: Table, known: Mapping[str, Field]) -> Group:
    codes = item.raw("codes")
    if codes != "any" and not (isinstance(codes, list) and codes and all(type(code) is int for code in codes)):
        raise item.fault("codes must be a list of event ids, or any", "codes")
    moves = {kind: item.names(kind) for kind in ("fields", "integers", "addresses", "copies", "guids")}
    for kind, names in moves.items():
        for name, key in names.items():
            if key not in known or known[key].type not in _FITTING.get(kind, _TEXTS):
                raise item.fault(f"{name}: {key} is no field of a fitting type in fields.yaml", kind)
    hashes = item.table("hashes")
    group = Group(
        name=item.text("name"),
        channels=item.texts("channels"),
        codes=None if codes == "any" else frozenset(codes),
        event=_event(item),
        aliases=item.names("aliases"),
        users=tuple(_user(user) for user in item.tables("users")),
        hashes=(hashes.text("field"), hashes.text("to")) if hashes else None,
        **moves,
    )
    item.close()
    return group


def _event(item: Table) -> dict[str, str | tuple[str, ...]]:
    table = item.table("event")
    if table is None:
        raise item.fault("event is missing")
    result: dict[str, str | tuple[str, ...]] = {"event.category": table.text("category")}
    kinds = table.texts("type")
    if not kinds:
        raise table.fault("type is missing")
    result["event.type"] = kinds[0] if len(kinds) == 1 else kinds
    for name in ("action", "outcome"):
        text = table.optional(name)
        if text:
            result[f"event.{name}"] = text
    table.close()
    return result


def _user(table: Table) -> UserFields:
    user = UserFields(
        table.text("to"), *(table.optional(name) for name in ("account", "name", "domain", "id", "whole"))
    )
    table.close()
    if (user.account is None) == (user.name is None):
        raise table.fault("either account or name must say who it was")
    return user


def load_identities(path: Path) -> Identities:
    """Return the table of one identities.yaml."""
    table = read_table(path)
    rows = table.tables("identities")
    table.close()
    result = Identities({}, {}, {}, {})
    for row in rows:
        _identity(row, result.by_sid, result.by_rid, result.by_name)  # type: ignore[arg-type]
        _group_names(row, result.groups)  # type: ignore[arg-type]
    return result


def _group_names(row: Table, groups: dict[str, str]) -> None:
    """Add a row's names when it is a group: an alias of BUILTIN, or a domain's from RID 512 on."""
    if not (row.text("sid").startswith("S-1-5-32-") if "sid" in row else row.integer("rid") >= _FIRST_GROUP):
        return
    name = row.text("name")
    for text in row.texts("localised"):
        local = text.rpartition("\\")[2].casefold()
        if local != name.casefold():
            groups.setdefault(local, name)


def _identity(row: Table, by_sid: dict[str, object], by_rid: dict[str, object], by_name: dict[str, object]) -> None:
    canonical = (row.optional("domain"), row.text("name"))
    if "sid" in row:
        key, target = row.text("sid"), by_sid
        if not _SID.fullmatch(key):
            raise row.fault(f"{key!r} is no SID", "sid")
    else:
        key, target = str(row.integer("rid")), by_rid
    if key in target:
        raise row.fault(f"{key} stands twice")
    target[key] = canonical
    for text in row.texts("localised"):
        if by_name.setdefault(text.casefold(), canonical) != canonical:
            raise row.fault(f"{text!r} already names another account", "localised")
    row.close()


@lru_cache(maxsize=1)
def fields() -> dict[str, Field]:
    """Return the shipped fields by name."""
    return load_fields(FOLDER / "fields.yaml")


@lru_cache(maxsize=1)
def windows() -> WindowsTable:
    """Return the shipped Windows table."""
    return load_windows(FOLDER / "windows.yaml", fields())


@lru_cache(maxsize=1)
def identities() -> Identities:
    """Return the shipped well-known accounts."""
    return load_identities(FOLDER / "identities.yaml")


__all__ = [
    "Field",
    "Group",
    "Identities",
    "SchemaError",
    "UserFields",
    "WindowsTable",
    "fields",
    "identities",
    "windows",
]
