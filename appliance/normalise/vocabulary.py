"""rules/schema/sources.yaml: what Sigma and the sources other than Windows call a field, and what we call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from appliance.normalise.schema import FOLDER, Field, fields
from appliance.normalise.tables import Table, read_table

#: First parts of event keys that fields.yaml does not list one by one.
NATIVE_ROOTS = frozenset({"audit", "azure", "gap", "m365", "winlog", "zeek"})
_FREE = tuple(f"{root}." for root in sorted(NATIVE_ROOTS))


@dataclass(frozen=True, slots=True)
class Log:
    """One category of a module: the source's name of the log, its prefix, and its fields before the module's."""

    name: str
    prefix: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of one module. `fold` means that names no table knows lose case, underscores and `properties.`."""

    prefix: str = ""
    fold: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, Log] = field(default_factory=dict)

    def key(self, name: str, category: str | None = None) -> str:
        """Return the event key of a field that Sigma or the source names so in events of a category."""
        log = self.logs.get(category or "")
        known = (log.fields.get(name) if log else None) or self.fields.get(name)
        if known:
            return known
        if "." in name and name.partition(".")[0] in roots():
            return name
        return (log.prefix if log else self.prefix) + (self.folded(name) if self.fold else name)

    @staticmethod
    def folded(name: str) -> str:
        """Return a native name as it stands behind the prefix of a folding module."""
        return name.removeprefix("properties.").lower().replace("_", "")


@lru_cache(maxsize=1)
def roots() -> frozenset[str]:
    """Return the first parts of event keys: a dotted name that begins with one is an event key itself."""
    return NATIVE_ROOTS | {name.partition(".")[0] for name in fields()}


def load_vocabularies(path: Path, known: Mapping[str, Field]) -> dict[str, Vocabulary]:
    """Return the vocabularies of one sources.yaml by module. Raises SchemaError for a target that is no field."""
    table = read_table(path)
    modules = table.table("modules")
    table.close()
    if modules is None:
        raise table.fault("modules is missing")
    found: dict[str, Vocabulary] = {}
    for name in modules.keys():  # noqa: SIM118 - not a dict
        row = modules.table(name)
        assert row is not None
        found[name] = _vocabulary(row, found, known)
    return found


def _vocabulary(row: Table, found: Mapping[str, Vocabulary], known: Mapping[str, Field]) -> Vocabulary:
    base = row.optional("base")
    if base is not None and base not in found:
        raise row.fault(f"{base!r} is no module above", "base")
    own = _targets(row, known)
    prefix = str(row.raw("prefix"))
    logs: dict[str, Log] = {}
    categories = row.table("categories")
    for category in categories.keys() if categories else ():
        assert categories is not None
        log = categories.table(category)
        assert log is not None
        name = log.text("log")
        logs[category] = Log(name, f"{prefix}{name}.", _targets(log, known))
        log.close()
    result = Vocabulary(
        prefix,
        fold="fold" in row and row.raw("fold") is True,
        fields={**found[base].fields, **own} if base else own,
        logs=logs,
    )
    row.close()
    return result


def _targets(row: Table, known: Mapping[str, Field]) -> dict[str, str]:
    names = row.names("fields")
    for name, key in names.items():
        if key not in known and not key.startswith(_FREE):
            raise row.fault(f"{name}: {key} is no field of fields.yaml", "fields")
    return names


@lru_cache(maxsize=1)
def vocabularies() -> dict[str, Vocabulary]:
    """Return the shipped vocabularies by module."""
    return load_vocabularies(FOLDER / "sources.yaml", fields())


_NONE = Vocabulary()


def vocabulary(module: str) -> Vocabulary:
    """Return the vocabulary of a module; an unknown one has none, so each name stands for itself."""
    return vocabularies().get(module, _NONE)
