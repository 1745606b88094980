"""One correlation document to a Correlation, or to all of its faults with their lines."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from appliance.detect.metadata import licence_in
from appliance.detect.model import LEVELS
from appliance.detect.yamldoc import Document

from .expression import BadExpression, counted, names_in, parse_expression
from .model import (
    COUNTS,
    MAX_COUNT,
    MAX_FIELDS,
    MAX_RULES,
    MAX_TIMESPAN,
    OPERATORS,
    STATISTICS,
    TEMPORAL,
    Bounds,
    Condition,
    Correlation,
    Expression,
    Kind,
)

_TIMESPAN = re.compile(r"([0-9]{1,9})([smhdwMy])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952}
_KEYS = frozenset({"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"})
_STANDARD = frozenset(
    {
        *("title", "id", "name", "taxonomy", "related", "status", "description", "license", "references", "tags"),
        *("author", "date", "modified", "fields", "falsepositives", "level", "scope", "correlation", "generate"),
    }
)
_STATUSES = frozenset({"stable", "test", "experimental", "deprecated", "unsupported"})
_TEXT = 256
#: Rules whose longest ordered chain is looked for.
_MOST_ORDERED = 7
Faults = Iterator[tuple[int, str]]


class CorrelationFaults(Exception):
    """All faults of one document: (line, message)."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__()
        self.faults = faults


def parse_correlation(file: str, document: Document, fallback_id: str) -> Correlation:
    """The correlation of a document whose value is a map with the key `correlation`. Raises CorrelationFaults."""
    raw = document.value
    body = raw["correlation"]
    reading = _Reading(document)
    if not isinstance(body, Mapping):
        reading.fault("musi być mapą z kluczami type, rules, group-by, timespan, condition; popraw ją")
        raise CorrelationFaults(reading.faults)
    for key in body:
        if key not in _KEYS:
            reading.fault(f"nieznany klucz „{key}”; usuń go albo popraw", str(key))
    kind = reading.kind(body.get("type"))
    rules = reading.rules(body, kind)
    timespan = reading.timespan(body)
    group_by = reading.names(body.get("group-by", []), "group-by")
    condition = reading.condition(body.get("condition"), kind, rules) if kind else None
    aliases = reading.aliases(body.get("aliases", {}), rules)
    fields = condition.fields if isinstance(condition, Bounds) else ()
    for alias in aliases:
        if alias not in {*group_by, *fields}:
            reading.fault(f"aliasu „{alias}” nie używa ani group-by, ani field; usuń go albo użyj", "aliases", alias)
    generate = reading.generate(raw, body)
    meta = reading.meta(raw)
    if reading.faults or kind is None or condition is None:
        raise CorrelationFaults(reading.faults)
    return Correlation(
        id=str(raw.get("id") or fallback_id).lower(),
        source_file=file,
        line=document.line,
        kind=kind,
        rules=rules,
        group_by=group_by,
        timespan=timespan,
        condition=condition,
        aliases=aliases,
        generate=generate,
        licence=licence_in(raw),
        custom={str(key): value for key, value in raw.items() if key not in _STANDARD},
        places={rule: reading.line_of_rule(rule) for rule in rules},
        **meta,
    )


class _Reading:
    """Reads the parts of one document and collects what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[tuple[int, str]] = []

    def fault(self, message: str, *path: str, top: bool = False) -> None:
        """Note a fault at a key of the correlation, or of the document itself."""
        where = path if top else ("correlation", *path)
        name = ".".join(str(part) for part in where)
        self.faults.append((self.document.line_of(*where), f"błąd w „{name}”: {message}"))

    def line_of_rule(self, rule: str) -> int:
        """Where a reference stands."""
        line, node = self.document.line_of("correlation", "rules"), self.document.node
        for name in ("correlation", "rules"):
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            node = next((value for key, value in pairs if key.value == name), node)
        parts = node.value if isinstance(node, yaml.SequenceNode) else ()
        return next((int(one.start_mark.line) + 1 for one in parts if one.value == rule), line)

    def kind(self, value: object) -> Kind | None:
        """The type."""
        if isinstance(value, str) and value in {kind.value for kind in Kind}:
            return Kind(value)
        known = ", ".join(kind.value for kind in Kind)
        self.fault(f"nieznany rodzaj korelacji {value!r}; wpisz jeden z: {known}", "type")
        return None

    def names(self, value: object, key: str, *more: str) -> tuple[str, ...]:
        """A name or a list of names, each once."""
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(one, str) and 0 < len(one) <= _TEXT for one in found):
            self.fault(f"musi być nazwą albo listą nazw (do {_TEXT} znaków); popraw zapis", key, *more)
            return ()
        if len(set(found)) < len(found):
            self.fault("ta sama nazwa stoi dwa razy; usuń powtórzenie", key, *more)
        if key != "rules" and len(found) > MAX_FIELDS:
            self.fault(f"ponad {MAX_FIELDS} pól; wybierz mniej", key, *more)
        return tuple(dict.fromkeys(found))

    def rules(self, body: Mapping[str, Any], kind: Kind | None) -> tuple[str, ...]:
        """The references; a temporal correlation may leave them to its boolean condition."""
        condition = body.get("condition")
        if "rules" not in body and kind in TEMPORAL and isinstance(condition, str):
            found = tuple(names_in(condition))
        else:
            found = self.names(body.get("rules", []), "rules")
        if not found:
            self.fault("brak reguł; wpisz w rules identyfikatory albo nazwy (name) reguł", "rules")
        if len(found) > MAX_RULES:
            self.fault(f"ponad {MAX_RULES} reguł; podziel korelację", "rules")
        return found

    def timespan(self, body: Mapping[str, Any]) -> int:
        """The timespan in microseconds."""
        value = body.get("timespan")
        found = _TIMESPAN.fullmatch(value) if isinstance(value, str) else None
        micros = int(found[1]) * _UNITS[found[2]] * 1_000_000 if found else 0
        if not micros:
            self.fault("czas to liczba i jednostka s, m, h, d, w, M lub y, np. 15m; popraw go", "timespan")
        elif micros > MAX_TIMESPAN:
            self.fault("czas jest dłuższy niż rok; skróć go", "timespan")
        return micros

    def condition(self, value: object, kind: Kind, rules: tuple[str, ...]) -> Condition | None:
        """The condition of a type; without one, a temporal correlation asks for every rule."""
        if value is None and kind in TEMPORAL:
            return self.expression(" and ".join(rules), rules) if rules else None
        if isinstance(value, str) and kind in TEMPORAL:
            return self.expression(value, rules)
        if isinstance(value, Mapping):
            return self.bounds(value, kind, len(rules))
        wanted = "mapą, np. gte: 10" + (", albo zdaniem, np. „a and not b”" if kind in TEMPORAL else "")
        self.fault(f"warunek jest konieczny i musi być {wanted}; dodaj go", "condition")
        return None

    def expression(self, text: str, rules: tuple[str, ...]) -> Expression | None:
        """A boolean condition, which must use every rule."""
        try:
            found = parse_expression(text, rules)
        except BadExpression as error:
            self.fault(str(error), "condition")
            return None
        named = set(names_in(text))
        for rule in rules:
            if rule not in named:
                self.fault(f"warunek nie używa reguły „{rule}” z rules; dodaj ją do warunku albo usuń", "condition")
        return found

    def bounds(self, value: Mapping[Any, Any], kind: Kind, rules: int) -> Bounds | None:
        """A condition on a number."""
        before = len(self.faults)
        for key in value:
            if key not in OPERATORS | {"field", "percentile"}:
                self.fault(f"nieznany klucz „{key}”; usuń go albo popraw", "condition", str(key))
        tests = tuple((key, value[key]) for key in value if key in OPERATORS)
        for key, number in tests:
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                self.fault("musi być liczbą; popraw wartość", "condition", key)
            elif kind not in STATISTICS and (number != int(number) or number < 0):
                self.fault("musi być liczbą całkowitą, co najmniej 0; popraw wartość", "condition", key)
        if len(self.faults) == before:
            self._check_tests(tests, kind, rules)
        fields = self._fields(value, kind)
        percentile = self._percentile(value, kind)
        if len(self.faults) > before:
            return None
        return Bounds(tuple((key, float(number)) for key, number in tests), fields, percentile)

    def _check_tests(self, tests: tuple[tuple[str, float], ...], kind: Kind, rules: int) -> None:
        sides = sorted({"gt": "low", "gte": "low", "lt": "high", "lte": "high"}.get(key, key) for key, _ in tests)
        if not tests or (len(tests) > 1 and sides != ["high", "low"]):
            self.fault("potrzebny jest jeden warunek (np. gte: 10) albo zakres (np. gt: 100 i lte: 200)", "condition")
            return
        if kind in STATISTICS:
            low = max((v for k, v in tests if k in {"gt", "gte"}), default=-math.inf)
            high = min((v for k, v in tests if k in {"lt", "lte"}), default=math.inf)
            possible = low < high or (low == high and {k for k, _ in tests} == {"gte", "lte"})
        else:
            most = rules if kind in TEMPORAL else MAX_COUNT + 1
            bounds = Bounds(tests)
            # A number counts from one: a group is there only once it has an event.
            near = {1, most, *(int(value) + step for _, value in tests for step in (-1, 0, 1))}
            possible = any(bounds.hold(number) for number in near if 1 <= number <= most)
        if not possible:
            self.fault(
                "warunek nie może być spełniony (samego braku zdarzeń nie da się wykryć); popraw go", "condition"
            )
        if kind in COUNTS and any(value > MAX_COUNT for _, value in tests):
            self.fault(f"próg jest większy niż {MAX_COUNT}; zmniejsz go albo skróć czas", "condition")
        ways = counted(rules, _least(Bounds(tests), rules)) if kind in TEMPORAL and possible else ()
        if ways is None or (kind is Kind.TEMPORAL_ORDERED and not Bounds(tests).rising and rules > _MOST_ORDERED):
            self.fault("zbyt wiele sposobów wyboru reguł; zmniejsz liczbę reguł albo podziel korelację", "condition")

    def _fields(self, value: Mapping[Any, Any], kind: Kind) -> tuple[str, ...]:
        if kind not in STATISTICS and kind is not Kind.VALUE_COUNT:
            if "field" in value:
                self.fault(f"rodzaj {kind} nie liczy wartości pola; usuń field", "condition", "field")
            return ()
        fields = self.names(value.get("field", []), "condition", "field")
        if not fields:
            self.fault(f"rodzaj {kind} wymaga pola; dodaj field", "condition")
        if kind in STATISTICS and len(fields) > 1:
            self.fault("kilka pól naraz liczy tylko value_count; zostaw jedno", "condition", "field")
        return fields

    def _percentile(self, value: Mapping[Any, Any], kind: Kind) -> float | None:
        found = value.get("percentile")
        if kind is not Kind.VALUE_PERCENTILE:
            if "percentile" in value:
                self.fault("percentile ma sens tylko w value_percentile; usuń go", "condition", "percentile")
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= 100:
            self.fault("value_percentile wymaga percentile: liczby większej od 0, do 100; dodaj ją", "condition")
            return None
        return float(found)

    def aliases(self, value: object, rules: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """Alias → reference → field; every alias must say its field for every rule."""
        if not isinstance(value, Mapping):
            self.fault("musi być mapą: alias, a pod nim reguła i jej pole; popraw zapis", "aliases")
            return {}
        found: dict[str, dict[str, str]] = {}
        for alias, fields in value.items():
            if not isinstance(alias, str) or not isinstance(fields, Mapping):
                self.fault("musi być mapą: reguła i jej pole; popraw zapis", "aliases", str(alias))
                continue
            for rule, name in fields.items():
                if rule not in rules:
                    self.fault(f"alias nazywa regułę „{rule}”, której nie ma w rules; popraw go", "aliases", alias)
                elif not isinstance(name, str) or not 0 < len(name) <= _TEXT:
                    self.fault(f"pole reguły „{rule}” musi być nazwą; popraw je", "aliases", alias)
            for rule in rules:
                if rule not in fields:
                    self.fault(f"alias nie mówi, którym polem jest w regule „{rule}”; dodaj je", "aliases", alias)
            found[alias] = {str(rule): str(name) for rule, name in fields.items()}
        return found

    def generate(self, raw: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
        """The specification shows `generate` beside the level, pySigma reads it within `correlation`."""
        found = {key: part["generate"] for key, part in (("top", raw), ("in", body)) if "generate" in part}
        for key, value in found.items():
            if not isinstance(value, bool):
                self.fault("musi być true albo false; popraw wartość", "generate", top=key == "top")
        if len(set(map(repr, found.values()))) > 1:
            self.fault("stoi dwa razy i za każdym razem co innego; zostaw jedno", "generate")
        return any(value is True for value in found.values())

    def meta(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The words about the correlation."""
        title, identity = raw.get("title"), raw.get("id")
        if not isinstance(title, str) or not 0 < len(title) <= _TEXT:
            self.fault(f"tytuł jest konieczny i ma do {_TEXT} znaków; popraw go", "title", top=True)
        if identity is not None and not _is_uuid(identity):
            self.fault("identyfikator musi być UUID; popraw go", "id", top=True)
        level, status = raw.get("level", "medium"), raw.get("status", "")
        if level not in LEVELS:
            self.fault(f"nieznany poziom; wpisz jeden z: {', '.join(LEVELS)}", "level", top=True)
        if status and (not isinstance(status, str) or status not in _STATUSES):
            self.fault(f"nieznany stan; wpisz jeden z: {', '.join(sorted(_STATUSES))}", "status", top=True)
        texts = {key: raw.get(key) or "" for key in ("name", "description", "author")}
        for key, value in texts.items():
            if not isinstance(value, str):
                self.fault("musi być tekstem; popraw go", key, top=True)
        lists = {key: self._list(raw.get(key), key) for key in ("tags", "references", "falsepositives")}
        place = LEVELS.index(level) if level in LEVELS else 0
        return {"title": title, "level": place, "status": status, **texts, **lists}

    def _list(self, value: object, key: str) -> tuple[str, ...]:
        found = [value] if isinstance(value, str) else value or []
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            self.fault("musi być listą tekstów; popraw ją", key, top=True)
            return ()
        if key == "tags" and not all("." in tag for tag in found):
            self.fault("znacznik ma postać przestrzeń.nazwa, np. attack.t1110; popraw go", key, top=True)
        return tuple(found)


def _least(bounds: Bounds, rules: int) -> int:
    """The smallest number of rules that is within bounds."""
    return next((number for number in range(1, rules + 1) if bounds.hold(number)), rules)


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False
