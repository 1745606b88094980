"""Habits that show in a rule's text, before anything is compiled: values, modifiers, names, missing keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from appliance.detect.conditions import selects
from appliance.detect.values import fold

from .model import Finding, RuleText
from .scalars import unquoted

_PLACES = frozenset({"contains", "startswith", "endswith"})
#: Modifiers under which `*` is not a wildcard, or the value no text.
_OTHER = frozenset({"re", "cidr", "exists", "fieldref", "lt", "lte", "gt", "gte", "base64", "base64offset", "expand"})
#: What people write in regular expressions and hardly ever in texts; `\s` and `\d` alone begin names of folders.
_REGEX_LIKE = re.compile(
    r"\\[dws][+*{]|\[(?:0-9|a-z|A-Z|\^)[^\]]{0,99}\]|\(\?[:i!=<]|(?<=[\w)])\.[*+](?=[\w(\\])|\{\d+,\d*\}|\([^()|]+\|[^()]+\)"
)
_META = frozenset(".^$*+?{}[]|()")
_CLASSES = re.compile(r"\\[a-zA-Z]|\[[^\]]{0,99}\]|\(\?[a-zA-Z]+\)")
_WORDS = re.compile(r"[\w*.-]+")
#: Where a document says what it is about.
DETECTION, CORRELATION, FILTER = "detection", "correlation", "filter"
#: Keys beside search identifiers.
_NO_PARTS = {DETECTION: frozenset({"condition", "timeframe"}), FILTER: frozenset({"condition", "rules"})}
_KEYS = (("R30", "id"), ("R31", "level"), ("R32", "status"), ("R33", "tags"), ("R34", "date"))
#: Keys that the specification knows in filters.
_OF_FILTERS = frozenset({"id", "date"})
#: Fields in which Windows keeps the case that somebody typed.
_TYPED = re.compile(r"Image$|CommandLine$|FileName$|Filename$|TargetObject$|^User$|Path$|Name$")


@dataclass(frozen=True, slots=True)
class Item:
    """One `field|modifiers: values` line of a detection."""

    field: str
    modifiers: tuple[str, ...]
    values: tuple[yaml.ScalarNode, ...]

    def texts(self) -> Iterator[tuple[str, int]]:
        """The values that are texts, each with its line."""
        for node in self.values:
            if node.tag == "tag:yaml.org,2002:str":
                yield node.value, node.start_mark.line + 1


def written(text: RuleText) -> Iterator[Finding]:
    """Every finding that the text of one rule, correlation or filter alone gives."""
    value = text.document.value
    kind = kind_of(value)
    if kind is None:
        return
    for code, key in _KEYS:
        if value.get(key) in (None, "", []) and (kind != FILTER or key in _OF_FILTERS):
            yield text.finding(code)
    if kind == CORRELATION:
        return
    yield from _unused(text, kind)
    source = value.get("logsource")
    windows = isinstance(source, dict) and source.get("product") == "windows"
    for item in items(text, kind):
        yield from _item(text, item, windows)
    for part in parts(text, kind):
        yield from unquoted(text, part)
    timeframe = _child(_child(text.document.node, kind), "timeframe")
    if kind == DETECTION and isinstance(timeframe, yaml.ScalarNode):
        yield text.finding("R11", kind, "timeframe", value=str(timeframe.value))


def kind_of(value: object) -> str | None:
    """Which key holds what a document says: that of a rule, correlation or filter; None for what is none of them."""
    if not isinstance(value, dict) or "action" in value:
        return None
    return next((key for key in (CORRELATION, FILTER) if key in value), DETECTION)


def items(text: RuleText, kind: str) -> Iterator[Item]:
    """Every line that names a field under the key of a rule or filter, nested ones too."""
    for part in parts(text, kind):
        yield from _items(part)


def parts(text: RuleText, kind: str) -> Iterator[yaml.Node]:
    """The search identifiers under the key of a rule or filter."""
    for name, part in _pairs(_child(text.document.node, kind)):
        if name.value not in _NO_PARTS[kind]:
            yield part


def _items(node: yaml.Node) -> Iterator[Item]:
    for key, value in _pairs(node):
        name, *modifiers = str(key.value).split("|")
        scalars = value.value if isinstance(value, yaml.SequenceNode) else [value]
        plain = tuple(each for each in scalars if isinstance(each, yaml.ScalarNode))
        if name and plain:
            yield Item(name, tuple(modifiers), plain)
        if len(plain) < len(scalars):
            yield from _items(value)
    if isinstance(node, yaml.SequenceNode):
        for element in node.value:
            yield from _items(element)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return next((value for key, value in _pairs(node) if key.value == name), None)


def _unused(text: RuleText, kind: str) -> Iterator[Finding]:
    """Identifiers that no word of the condition can mean; a wildcard or `them` counts generously."""
    detection = text.document.value.get(kind)
    if not isinstance(detection, dict):
        return
    lines = detection.get("condition", "")
    words = {word for line in (lines if isinstance(lines, list) else [lines]) for word in _WORDS.findall(str(line))}
    patterns = [word for word in words if "*" in word] + (["*"] if "them" in words else [])
    for key, _ in _pairs(_child(text.document.node, kind)):
        name = str(key.value)
        if name in words or name in _NO_PARTS[kind] or any(selects(each, name) for each in patterns):
            continue
        yield Finding(text.file, key.start_mark.line + 1, "R10", {"name": name})


def _item(text: RuleText, item: Item, windows: bool) -> Iterator[Finding]:
    modifiers = set(item.modifiers)
    if "re" in modifiers:
        yield from _regexes(text, item, windows)
    elif not modifiers & _OTHER:
        yield from _plain(text, item)
    if "cased" in modifiers and windows and _TYPED.search(item.field):
        line = item.values[0].start_mark.line + 1
        yield Finding(text.file, line, "R25", {"field": item.field})
    yield from _doubles(text, item)


def _plain(text: RuleText, item: Item) -> Iterator[Finding]:
    placed = sorted(_PLACES.intersection(item.modifiers))
    for value, line in item.texts():
        if value and set(value) == {"*"}:
            yield Finding(text.file, line, "R20", {"field": item.field})
            continue
        better = _better(value)
        if better:
            yield Finding(text.file, line, "R21", {"value": value, "modifier": placed[0] if placed else better})
        found = _REGEX_LIKE.search(value)
        if found:
            yield Finding(text.file, line, "R22", {"value": value, "part": found.group()})


def _better(value: str) -> str:
    """The modifier that says what wildcards at the ends of a value say; empty when there are none, or more inside."""
    core, starts = (value[1:], True) if value.startswith("*") else (value, False)
    ends = core.endswith("*") and (len(core) - len(core[:-1].rstrip("\\")) - 1) % 2 == 0
    core = core[:-1] if ends else core
    if not (starts or ends) or not core or "*" in core or "?" in core:
        return ""
    return "contains" if starts and ends else "endswith" if starts else "startswith"


def _regexes(text: RuleText, item: Item, windows: bool) -> Iterator[Finding]:
    for value, line in item.texts():
        modifier = _said_by(value)
        ignores = "i" in item.modifiers or value.startswith("(?i")
        if modifier:
            said = modifier if ignores else f"{modifier}|cased"
            yield Finding(text.file, line, "R23", {"value": value, "modifier": said})
        elif windows and not ignores and _one_case(value):
            yield Finding(text.file, line, "R24", {"value": value, "field": item.field})


def _said_by(pattern: str) -> str:
    """The modifier that says the same as a regular expression without any construct; empty when there is one."""
    core = pattern.removeprefix("(?i)")
    starts = core.startswith("^") and not core.startswith("^.*")
    core = core.removeprefix("^").removeprefix(".*")
    ends = core.endswith("$") and not core.endswith((".*$", "\\$"))
    core = core if core.endswith("\\$") else core.removesuffix("$")
    core = core if core.endswith("\\.*") else core.removesuffix(".*")
    plain = re.sub(r"\\[^a-zA-Z0-9]", "_", core)
    if not plain or "\\" in plain or _META.intersection(plain) or (starts and ends):
        return ""
    return "startswith" if starts else "endswith" if ends else "contains"


def _one_case(pattern: str) -> bool:
    """Whether letters stand in the pattern outside classes that name both cases."""
    if "a-zA-Z" in pattern or "A-Za-z" in pattern:
        return False
    return re.search(r"[a-zA-Z]{2}", _CLASSES.sub(" ", pattern)) is not None


def _doubles(text: RuleText, item: Item) -> Iterator[Finding]:
    cased = {"re", "cased", "base64", "base64offset"}.intersection(item.modifiers)
    seen: set[str] = set()
    for value, line in item.texts():
        key = value if cased else fold(value)
        if key in seen:
            yield Finding(text.file, line, "R26", {"value": value})
        seen.add(key)
