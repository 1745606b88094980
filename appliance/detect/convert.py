"""pySigma's objects to our condition tree. Everything a rule may say and we cannot decide is refused here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pyparsing import ParseResults
from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
    SigmaCondition,
)
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from .nodes import CASED, Atom, Node, Op, Pattern, Wild, all_of, any_of, atoms, negate
from .regexes import RegexRefused, searcher
from .values import fold, text

#: Characters of one condition line, and atoms of one rule.
MAX_CONDITION = 8192
MAX_ATOMS = 50_000
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


class Refused(ValueError):
    """Part of a rule that cannot be decided; `needle` is a text near the fault, to find its line by."""

    def __init__(self, message: str, needle: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.needle = needle


def rule_node(detections: SigmaDetections) -> Node:
    """The whole condition of a rule; several conditions are alternatives. Raises Refused or SigmaError."""
    identifiers = {name: detection_node(part, name) for name, part in detections.detections.items()}
    node = any_of(_condition(line, detections, identifiers) for line in detections.condition)
    count = 0
    for count, _ in enumerate(atoms(node), 1):
        if count > MAX_ATOMS:
            raise Refused(f"reguła ma ponad {MAX_ATOMS} porównań; podziel ją na kilka reguł", "condition")
    return node


def detection_node(detection: SigmaDetection, name: str = "") -> Node:
    """One search identifier: a map (all), or a list of maps and values (any)."""
    children = [
        detection_node(item) if isinstance(item, SigmaDetection) else item_node(item)
        for item in detection.detection_items
    ]
    group = all_of if detection.item_linking is ConditionAND else any_of
    return group(children, name)


def item_node(item: SigmaDetectionItem) -> Node:
    """One `field|modifiers: values` line."""
    values = item.value or [SigmaNull()]
    group = all_of if item.value_linking is ConditionAND else any_of
    node = group([value_node(item.field, value) for value in values])
    return negate(node) if item.negated else node


def value_node(field: str | None, value: SigmaType) -> Node:
    """One value of a line. A class comes before those it derives from."""
    if isinstance(value, SigmaExpansion):
        return any_of([value_node(field, each) for each in value.values])
    for kind, convert in _VALUES.items():
        if isinstance(value, kind):
            return convert(field, value)
    raise Refused(f"wartości rodzaju {type(value).__name__} nie są obsługiwane; zapisz warunek inaczej")


def _string(field: str | None, value: SigmaString) -> Node:
    cased = isinstance(value, SigmaCasedString)
    pattern = tuple(_part(part, cased) for part in value.s)
    op, wanted = shape(pattern, keyword=field is None)
    return Atom(field, CASED[op] if cased and op in CASED else op, wanted)


def _part(part: Any, cased: bool) -> str | Wild:
    if isinstance(part, Placeholder):
        raise Refused(
            f"symbol zastępczy %{part.name}% nie ma wartości; wpisz w jego miejsce wartości swojego urzędu",
            f"%{part.name}%",
        )
    if part is SpecialChars.WILDCARD_MULTI:
        return Wild.MANY
    if part is SpecialChars.WILDCARD_SINGLE:
        return Wild.ONE
    return str(part) if cased else fold(str(part))


def shape(pattern: Pattern, *, keyword: bool = False) -> tuple[Op, str | Pattern | None]:
    """The cheapest operator for a wildcard pattern. A keyword may stand anywhere in a value."""
    core = list(pattern)
    lead = trail = keyword
    while core and core[0] is Wild.MANY:
        core.pop(0)
        lead = True
    while core and core[-1] is Wild.MANY:
        core.pop()
        trail = True
    if any(isinstance(part, Wild) for part in core):
        left = () if keyword or not lead else (Wild.MANY,)
        right = () if keyword or not trail else (Wild.MANY,)
        return Op.LIKE, (*left, *core, *right)
    needle = "".join(str(part) for part in core)
    if not needle and (lead or trail):
        return Op.ANY, None
    return {(True, True): Op.CONTAINS, (True, False): Op.ENDSWITH, (False, True): Op.STARTSWITH}.get(
        (lead, trail), Op.EQUALS
    ), needle


def _number(field: str | None, value: SigmaNumber) -> Node:
    return Atom(field, Op.CONTAINS if field is None else Op.EQUALS, fold(text(value.number)))


def _bool(field: str | None, value: SigmaBool) -> Node:
    return Atom(field, Op.CONTAINS if field is None else Op.EQUALS, text(value.boolean))


def _regex(field: str | None, value: SigmaRegularExpression) -> Node:
    if value.contains_placeholder():
        raise Refused(
            "w wyrażeniu regularnym stoi symbol zastępczy bez wartości; wpisz w jego miejsce wartość", str(value.regexp)
        )
    pattern, flags = str(value.regexp), "".join(sorted(_FLAGS[flag] for flag in value.flags))
    try:
        searcher(pattern, flags)
    except RegexRefused as error:
        raise Refused(
            f"wyrażenia regularnego nie przyjmuje RE2: {error}; usuń odwołania wstecz i konstrukcje (?=…), (?!…)",
            _plain_part(value),
        ) from error
    return Atom(field, Op.REGEX, (pattern, flags))


def _plain_part(value: SigmaRegularExpression) -> str:
    return str(value.regexp).removeprefix(".*").removesuffix(".*")


def _cidr(field: str | None, value: SigmaCIDRExpression) -> Node:
    return Atom(field, Op.CIDR, str(value.network))


def _compare(field: str | None, value: SigmaCompareExpression) -> Node:
    if isinstance(value.number, SigmaTimestampPart):
        return _time_part(field, value.number)
    return Atom(field, Op.COMPARE, (value.op.name.lower(), float(value.number.number)))


def _time_part(_: str | None, value: SigmaTimestampPart) -> Node:
    raise Refused(f"modyfikator czasu „{value.timestamp_part.name.lower()}” nie jest obsługiwany; usuń go")


def _null(field: str | None, _: SigmaNull) -> Node:
    if field is None:
        raise Refused("wartość null wymaga nazwy pola; zapisz ją jako „pole: null”")
    return Atom(field, Op.NULL)


def _exists(field: str | None, value: SigmaExists) -> Node:
    node = Atom(field, Op.EXISTS)
    return node if value.exists else negate(node)


def _reference(field: str | None, value: SigmaFieldReference) -> Node:
    if field is None:
        raise Refused("modyfikator fieldref wymaga nazwy pola; zapisz go jako „pole|fieldref: inne_pole”", value.field)
    how = {(True, True): "contains", (True, False): "startswith", (False, True): "endswith"}
    return Atom(field, Op.FIELD, (value.field, how.get((value.starts_with, value.ends_with), "equals")))


_VALUES: Mapping[type[SigmaType], Callable[[str | None, Any], Node]] = {
    SigmaString: _string,
    SigmaTimestampPart: _time_part,
    SigmaNumber: _number,
    SigmaBool: _bool,
    SigmaRegularExpression: _regex,
    SigmaCIDRExpression: _cidr,
    SigmaCompareExpression: _compare,
    SigmaNull: _null,
    SigmaExists: _exists,
    SigmaFieldReference: _reference,
}


def _condition(line: object, detections: SigmaDetections, identifiers: Mapping[str, Node]) -> Node:
    if not isinstance(line, str):
        raise Refused("warunek (condition) musi być tekstem; ujmij go w cudzysłów", "condition")
    if len(line) > MAX_CONDITION:
        raise Refused(f"warunek ma ponad {MAX_CONDITION} znaków; skróć go albo podziel regułę", "condition")
    try:
        return _resolve(SigmaCondition(line, detections).parse(postprocess=False), identifiers)
    except RecursionError as error:
        raise Refused("warunek ma zbyt wiele poziomów nawiasów; uprość go", "condition") from error


def _resolve(parsed: Any, identifiers: Mapping[str, Node]) -> Node:
    if isinstance(parsed, ParseResults):
        return _resolve(parsed[0], identifiers)
    if isinstance(parsed, ConditionIdentifier):
        return _identifier(parsed.identifier, identifiers)
    if isinstance(parsed, ConditionSelector):
        return _selector(parsed, identifiers)
    if isinstance(parsed, ConditionNOT):
        return negate(_resolve(parsed.args[0], identifiers))
    children = [_resolve(child, identifiers) for child in parsed.args]
    return any_of(children) if isinstance(parsed, ConditionOR) else all_of(children)


def _identifier(name: str, identifiers: Mapping[str, Node]) -> Node:
    if name not in identifiers:
        raise Refused(
            f"warunek używa nazwy „{name}”, której nie ma w detection; dodaj ją albo popraw warunek", "condition"
        )
    return identifiers[name]


def _selector(selector: ConditionSelector, identifiers: Mapping[str, Node]) -> Node:
    pattern = "*" if selector.pattern == "them" else selector.pattern
    found = [node for name, node in identifiers.items() if _selects(pattern, name)]
    if not found:
        raise Refused(
            f"wzorzec „{selector.pattern}” nie pasuje do żadnej nazwy w detection; popraw warunek", "condition"
        )
    return all_of(found) if selector.cond_class is ConditionAND else any_of(found)


def _selects(pattern: str, name: str) -> bool:
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    search = searcher(r"\A" + ".*".join(re.escape(part) for part in pattern.split("*")) + r"\z")
    return search(name.encode("utf-8", "replace")) is not None
