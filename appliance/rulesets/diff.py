"""What a release changes: rules that are new, changed, gone, or fail now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.detect import LEVELS, Fault


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a release: where it stands in it, and the hash of its text."""

    id: str
    title: str
    level: int
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Index:
    """The rules of a release by id, and the faults of files that could not be loaded, with paths in the release."""

    entries: Mapping[str, Entry]
    faults: tuple[Fault, ...]

    def dump(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        rules = [[one.id, one.title, one.level, one.path, one.digest] for one in self.entries.values()]
        return {"rules": rules, "faults": [[one.file, one.line, one.message] for one in self.faults]}

    @classmethod
    def load(cls, plain: Mapping[str, Any]) -> Index:
        """Return the index of `dump`. Raises KeyError, TypeError, ValueError."""
        rules = (Entry(str(i), str(t), int(v), str(p), str(d)) for i, t, v, p, d in plain["rules"])
        faults = tuple(Fault(str(file), int(line), str(message)) for file, line, message in plain["faults"])
        return cls({one.id: one for one in rules}, faults)


EMPTY = Index({}, ())


@dataclass(frozen=True, slots=True)
class Diff:
    """A comparison of two releases, each part ordered by title."""

    new: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    failing: tuple[Entry, ...]
    """Rules that worked in the release before and cannot be loaded from this one."""
    same: int

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone or self.failing)


def compare(before: Index, after: Index, texts: Mapping[str, bytes]) -> Diff:
    """Compare two releases; `texts` are the files of the later one, in which an id of a failing rule is looked for."""
    old, new = before.entries, after.entries
    faulty = {fault.file for fault in after.faults}
    said = b"\n".join(texts[path] for path in faulty if path in texts)
    missing = [old[one] for one in old.keys() - new.keys()]
    failing = [one for one in missing if one.path in faulty or one.id.encode() in said]
    kept = old.keys() & new.keys()
    changed = [new[one] for one in kept if old[one].digest != new[one].digest]
    return Diff(
        _ordered(new[one] for one in new.keys() - old.keys()),
        _ordered(changed),
        _ordered(one for one in missing if one not in failing),
        _ordered(failing),
        len(kept) - len(changed),
    )


def _ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda one: (one.title, one.id)))


def lines(diff: Diff, most: int) -> list[str]:
    """Return the comparison as lines of text: the counts, then at most so many rules of each kind."""
    parts = (
        ("nowe", "+", diff.new),
        ("zmienione", "~", diff.changed),
        ("usunięte", "-", diff.gone),
        ("teraz z błędem", "!", diff.failing),
    )
    told = [", ".join(f"{name}: {len(found)}" for name, _, found in parts) + f", bez zmian: {diff.same}"]
    for name, sign, found in parts:
        told.extend(f"  {sign} {one.title} [{LEVELS[one.level]}] {one.id}" for one in found[:most])
        if len(found) > most:
            told.append(f"  {sign} i dalsze ({name}): {len(found) - most}")
    return told
