"""Which rules are on: the office's policy file `rules/policy.yaml`, read strictly, and applied to each rule.

Every key is optional; an empty or missing file leaves on everything that its authors have not retired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.detect import LEVELS, Fault, Logsource, Rule
from appliance.detect.correlation import Correlation
from appliance.detect.model import RETIRED
from appliance.detect.yamldoc import MAX_BYTES, Document, YamlFault, read_documents

STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
DEFAULT_STATUSES = frozenset(STATUSES) - RETIRED
_SOURCE_KEYS = ("product", "category", "service")


class Why(StrEnum):
    """Why a rule is off."""

    RETIRED = "retired"
    """Its authors have given it up."""
    STATUS = "status"
    LEVEL = "level"
    LOGSOURCE = "logsource"
    TAG = "tag"
    RULE = "rule"
    """The policy names it."""
    REPLACED = "replaced"
    """A rule of the office has its id."""
    COSTLY = "costly"
    """It went past its budget and was stopped."""
    BASE = "base"
    """A correlation, of which a rule that it refers to is off."""


@dataclass(frozen=True, slots=True)
class Off:
    """Why a rule is off; `detail` is the status, level, tag, log source, reason, the other rule's file or title."""

    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the policy file says. `on` and `off` are rule id → reason, `levels` rule id → 0 to 4."""

    statuses: frozenset[str] = DEFAULT_STATUSES
    min_level: int = 0
    off_tags: tuple[str, ...] = ()
    off_logsources: tuple[Logsource, ...] = ()
    off: Mapping[str, str] = field(default_factory=dict)
    on: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    """Rule id → line of the file that names it."""

    def judge(self, rule: Rule | Correlation) -> Off | None:
        """Say why a rule or correlation is off, None when it is on. It has its final level."""
        if rule.id in self.off:
            return Off(Why.RULE, self.off[rule.id])
        if rule.id in self.on:
            return None
        return self._by_kind(rule)

    def _by_kind(self, rule: Rule | Correlation) -> Off | None:
        # A rule without a status is as fresh as they come.
        status = rule.status or "experimental"
        if status not in self.statuses:
            return Off(Why.RETIRED if status in RETIRED else Why.STATUS, status)
        if rule.level < self.min_level:
            return Off(Why.LEVEL, rule.level_name)
        if tag := next((tag for tag in self.off_tags if _has(rule.tags, tag)), ""):
            return Off(Why.TAG, tag)
        if isinstance(rule, Correlation):
            # It has no log source of its own.
            return None
        source = next((one for one in self.off_logsources if _within(rule.logsource, one)), None)
        return Off(Why.LOGSOURCE, str(source)) if source else None


def _has(tags: Sequence[str], wanted: str) -> bool:
    """Say whether a tag is there: `attack.t1059` also means `attack.t1059.001`."""
    return any(tag.lower() == wanted or tag.lower().startswith(wanted + ".") for tag in tags)


def _within(source: Logsource, wanted: Logsource) -> bool:
    return all(getattr(wanted, key) in {None, getattr(source, key)} for key in _SOURCE_KEYS)


def read_policy(file: Path) -> tuple[Policy, list[Fault]]:
    """Read the policy file; a missing one is the default policy. With faults the policy is not to be used."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Policy(), []
    except OSError as error:
        return Policy(), [Fault(str(file), 1, f"nie można odczytać pliku: {error.strerror}; sprawdź prawa do niego")]
    return parse_policy(str(file), content)


def parse_policy(file: str, content: bytes) -> tuple[Policy, list[Fault]]:
    """Return the policy of a text and every fault in it."""
    if len(content) > MAX_BYTES:
        return Policy(), [Fault(file, 1, f"plik ma ponad {MAX_BYTES} bajtów; skróć go")]
    try:
        documents = read_documents(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Policy(), [Fault(file, line, "tekst nie jest w kodowaniu UTF-8; zapisz plik w UTF-8")]
    except YamlFault as fault:
        return Policy(), [Fault(file, fault.line, fault.message)]
    if not documents:
        return Policy(), []
    if len(documents) > 1:
        return Policy(), [Fault(file, documents[1].line, "plik może mieć tylko jeden dokument; usuń wiersz ---")]
    reader = _Reader(documents[0])
    policy = reader.policy()
    return policy, [Fault(file, line, message) for line, message in sorted(set(reader.faults))]


class _Reader:
    """Goes through the document and gathers its faults."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.faults: list[tuple[int, str]] = []

    def _fault(self, message: str, *path: str) -> None:
        self.faults.append((self._document.line_of(*path), message))

    def policy(self) -> Policy:
        value = self._document.value
        if not isinstance(value, dict):
            self._fault("plik ma mieć klucze statuses, min_level, disable, enable, levels; popraw zapis")
            return Policy()
        readers: Mapping[str, Callable[[Any], Any]] = {
            "statuses": self._statuses,
            "min_level": lambda given: self._level(given, "min_level"),
            "disable": self._off,
            "enable": self._on,
            "levels": self._levels,
        }
        parts = {key: readers[key](given) for key, given in value.items() if key in readers and given is not None}
        for key in value.keys() - readers.keys():
            self._fault(f"nieznany klucz „{key}”; dozwolone: {', '.join(readers)}", str(key))
        off = parts.get("disable", {})
        on, levels, rules = parts.get("enable", {}), parts.get("levels", {}), off.get("rules", {})
        for one in on.keys() & rules.keys():
            self._fault(f"reguła {one} stoi i w „enable”, i w „disable”; zostaw jeden wpis", "disable", "rules", one)
        lines = {one: self._document.line_of(*path, one) for path in _NAMED for one in _at(value, path)}
        return Policy(
            parts.get("statuses", DEFAULT_STATUSES),
            parts.get("min_level", 0),
            off.get("tags", ()),
            off.get("logsources", ()),
            rules,
            on,
            levels,
            lines,
        )

    def _statuses(self, given: Any) -> frozenset[str]:
        found = self._texts(given, "statuses")
        for one in found:
            if one not in STATUSES:
                self._fault(f"nieznany status „{one}”; dozwolone: {', '.join(STATUSES)}", "statuses")
        return frozenset(found)

    def _level(self, given: Any, *path: str) -> int:
        if given not in LEVELS:
            self._fault(f"nieznany poziom „{given}”; dozwolone: {', '.join(LEVELS)}", *path)
            return 0
        return LEVELS.index(given)

    def _off(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._fault("„disable” ma mieć klucze tags, logsources, rules", "disable")
            return {}
        for key in given.keys() - {"tags", "logsources", "rules"}:
            self._fault(f"nieznany klucz „{key}” w „disable”; dozwolone: tags, logsources, rules", "disable", str(key))
        return {
            "tags": tuple(one.lower() for one in self._texts(given.get("tags") or [], "disable", "tags")),
            "logsources": tuple(self._sources(given.get("logsources") or [])),
            "rules": self._reasons(given.get("rules") or {}, "disable", "rules"),
        }

    def _on(self, given: Any) -> dict[str, str]:
        if not isinstance(given, dict) or given.keys() - {"rules"}:
            self._fault("„enable” ma mieć tylko klucz rules", "enable")
            return {}
        return self._reasons(given.get("rules") or {}, "enable", "rules")

    def _levels(self, given: Any) -> dict[str, int]:
        if not isinstance(given, dict):
            self._fault("„levels” ma być mapą: identyfikator reguły: poziom", "levels")
            return {}
        return {str(one): self._level(level, "levels", str(one)) for one, level in given.items()}

    def _texts(self, given: Any, *path: str) -> list[str]:
        if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
            self._fault(f"„{path[-1]}” ma być listą tekstów", *path)
            return []
        return given

    def _reasons(self, given: Any, *path: str) -> dict[str, str]:
        if not isinstance(given, dict):
            self._fault(f"„{'.'.join(path)}” ma być mapą: identyfikator reguły: powód", *path)
            return {}
        for one, reason in given.items():
            if not isinstance(one, str) or not isinstance(reason, str) or not reason.strip():
                self._fault(f"przy regule {one} brakuje powodu; dopisz go po dwukropku", *path, str(one))
        return {str(one): str(reason).strip()[:500] for one, reason in given.items()}

    def _sources(self, given: Any) -> Iterator[Logsource]:
        path = ("disable", "logsources")
        if not isinstance(given, list):
            self._fault("„logsources” ma być listą map z kluczami product, category, service", *path)
            return
        for one in given:
            proper = isinstance(one, dict) and one and not one.keys() - set(_SOURCE_KEYS)
            if not proper or not all(isinstance(name, str) for name in one.values()):
                self._fault(f"źródło {one!r}: dozwolone klucze to product, category, service, z tekstem", *path)
                continue
            yield Logsource(*(one.get(key) for key in _SOURCE_KEYS))


_NAMED = (("disable", "rules"), ("enable", "rules"), ("levels",))


def _at(value: Any, path: Sequence[str]) -> list[str]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return [str(one) for one in value] if isinstance(value, dict) else []


def unknown_ids(file: str, policy: Policy, known: frozenset[str]) -> list[Fault]:
    """Return a fault for each rule that the policy names and nobody has; the policy works all the same."""
    return [
        Fault(file, line, f"nie ma reguły {one}; popraw identyfikator albo usuń wpis")
        for one, line in policy.lines.items()
        if one not in known
    ]
