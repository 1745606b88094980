"""The checks of the stations in words: loaded from `rules/posture`, whose README says what each field means.

Texts come back as plain text: whoever shows them escapes them. Everything is checked when it is loaded, so that a
page never finds a text missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import rules
from appliance import plainyaml

FOLDER = rules.ROOT / "posture"
COMMON = "_unknown"
"""The file of the reasons that any check may give."""
OF_THE_BOX = frozenset({"stale"})
"""The common reasons that the box alone gives: a verdict that its station has not confirmed for too long."""
SYSTEMS = frozenset({"linux", "windows"})
LANGUAGES = ("pl", "en")
ACTS: Mapping[str, Mapping[str, str]] = {
    "kri": {"pl": "KRI", "en": "KRI"},
    "zal4": {"pl": "UKSC, załącznik 4", "en": "UKSC, Annex 4"},
}
MARKS: Mapping[str, str] = {"kri": "P", "zal4": "S1"}
"""How well each act's points were checked; the words stand in rules/triage/principles.yaml (`znaki`)."""
MAX_FILE = 65536
Texts = Mapping[str, str]
"""A text by language."""


class BadCheck(ValueError):
    """A file of `rules/posture` is not as it must be; the message says file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the law that a check serves. `mark` says how well that was checked."""

    act: str
    point: str
    mark: str

    def shown(self, language: str) -> str:
        """Return the point as people cite it."""
        return f"{ACTS[self.act][language]} {self.point}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a check says what it says, and what to do, by system; empty where there is nothing to do."""

    says: Texts
    do: Mapping[str, Texts]


@dataclass(frozen=True, slots=True)
class Check:
    """A check in words. `weight` is 1 to 3; `reasons` hold the common ones, too."""

    name: str
    systems: frozenset[str]
    weight: int
    law: tuple[Point, ...]
    title: Texts
    meaning: Texts
    reasons: Mapping[str, Reason]

    def says(self, reason: str, language: str) -> str:
        """Return what a reason means; empty for a plain pass and for a reason that this box does not know."""
        known = self.reasons.get(reason)
        return known.says[language] if known is not None else ""

    def do(self, reason: str, system: str, language: str) -> str:
        """Return what to do about a reason on a system (`linux`, `windows`); empty where there is nothing to do."""
        known = self.reasons.get(reason)
        return known.do[system][language] if known is not None and system in known.do else ""


@cache
def checks(folder: Path = FOLDER) -> Mapping[str, Check]:
    """Return every check by its name. Raises BadCheck."""
    common = common_reasons(folder)
    files = (_File(path) for path in sorted(folder.glob("*.yaml")) if path.stem != COMMON)
    return {file.path.stem: _check(file, common) for file in files}


def weights() -> Mapping[str, int]:
    """Return how much each check counts."""
    return {name: check.weight for name, check in checks().items()}


def common_reasons(folder: Path = FOLDER) -> Mapping[str, Reason]:
    """Return the reasons of an unknown that any check may give. Raises BadCheck."""
    return _reasons(_File(folder / f"{COMMON}.yaml"), ("reasons",), SYSTEMS)


class _File:
    """A file's values, and where each stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        data = path.read_bytes()
        if len(data) > MAX_FILE:
            raise BadCheck(f"{path}: longer than {MAX_FILE} bytes")
        self._text = data.decode("utf-8")
        try:
            self._content = plainyaml.load(self._text)
        except yaml.YAMLError as error:
            raise BadCheck(f"{path}: {error}") from error

    def bad(self, place: tuple[Any, ...], message: str) -> BadCheck:
        """Return the error at a place; its line is that of the deepest part of the place that there is."""
        return BadCheck(f"{self.path}:{self._line(place)}: {'.'.join(map(str, place))}: {message}")

    def get(self, place: tuple[Any, ...], kind: type, default: Any = None) -> Any:
        """Return the value at a place. Raises BadCheck when it is missing or of another kind."""
        value = self._content
        for key in place:
            inside = isinstance(value, dict) or (isinstance(value, list) and isinstance(key, int))
            value = (value.get(key) if isinstance(value, dict) else value[key]) if inside else None
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.bad(place, f"must be {kind.__name__}, is {type(value).__name__}")
        return value

    def only(self, place: tuple[Any, ...], names: frozenset[str]) -> dict[str, Any]:
        """Return the mapping at a place, which has no other names than these. Raises BadCheck."""
        found: dict[str, Any] = self.get(place, dict)
        for name in found:
            if name not in names:
                raise self.bad((*place, name), f"unknown; known are {', '.join(sorted(names))}")
        return found

    def texts(self, place: tuple[Any, ...]) -> Texts:
        """Return a text in every language. Raises BadCheck."""
        self.only(place, frozenset(LANGUAGES))
        return {language: self.get((*place, language), str) for language in LANGUAGES}

    def _line(self, place: tuple[Any, ...]) -> int:
        node: Any = yaml.compose(self._text, yaml.CSafeLoader)
        line = 1
        for key in place:
            pairs: Iterator[tuple[Any, Any]] = iter(())
            if isinstance(node, yaml.MappingNode):
                pairs = ((each[0], each[1]) for each in node.value if each[0].value == str(key))
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                pairs = ((each, each) for each in node.value[key : key + 1])
            found = next(pairs, None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        return line


_NAMES = frozenset({"id", "systems", "weight", "law", "title", "meaning", "reasons"})


def _check(file: _File, common: Mapping[str, Reason]) -> Check:
    file.only((), _NAMES)
    if file.get(("id",), str) != file.path.stem:
        raise file.bad(("id",), f"must be the file's name, {file.path.stem}")
    systems = frozenset(file.get(("systems",), list))
    if not systems or not systems <= SYSTEMS:
        raise file.bad(("systems",), f"must be some of {', '.join(sorted(SYSTEMS))}")
    weight = file.get(("weight",), int)
    if not 1 <= weight <= 3:
        raise file.bad(("weight",), "must be 1, 2 or 3")
    law = tuple(_point(file, number) for number in range(len(file.get(("law",), list))))
    own = _reasons(file, ("reasons",), systems)
    return Check(
        file.path.stem, systems, weight, law, file.texts(("title",)), file.texts(("meaning",)), {**common, **own}
    )


def _point(file: _File, number: int) -> Point:
    place = ("law", number)
    file.only(place, frozenset({"act", "point", "mark"}))
    act, point, mark = (file.get((*place, name), str) for name in ("act", "point", "mark"))
    if act not in ACTS:
        raise file.bad((*place, "act"), f"unknown; known are {', '.join(ACTS)}")
    if mark != MARKS[act]:
        raise file.bad((*place, "mark"), f"points of {act} are marked {MARKS[act]}")
    return Point(act, point, mark)


def _reasons(file: _File, place: tuple[Any, ...], systems: frozenset[str]) -> Mapping[str, Reason]:
    found = {}
    for key in file.get(place, dict):
        here = (*place, key)
        if not isinstance(key, str):
            raise file.bad(here, "a reason's name must be a text; YAML reads on, off, yes, no as others")
        given = file.only(here, frozenset({"says", "do"}))
        found[key] = Reason(file.texts((*here, "says")), _do(file, (*here, "do"), systems) if "do" in given else {})
    return found


def _do(file: _File, place: tuple[Any, ...], systems: frozenset[str]) -> Mapping[str, Texts]:
    """Return what to do by system: one text for all of them, or one for each that is named."""
    given = file.get(place, dict)
    if set(given) & set(LANGUAGES):
        return dict.fromkeys(systems, file.texts(place))
    file.only(place, systems)
    return {system: file.texts((*place, system)) for system in given}
