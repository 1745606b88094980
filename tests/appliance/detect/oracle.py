"""A second, slow reading of Sigma, written apart from the engine: pySigma's own condition tree, Python's `re`.

It shares with the engine only the routes and the fields of events (data) and the choice of event keys.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sigma.collection import SigmaCollection
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
from sigma.types import (
    CompareOperators,
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
    SpecialChars,
)

from appliance.detect.model import Logsource
from appliance.detect.nodes import All, AnyOf, Atom, Const, Node
from appliance.detect.routes import EventClass, Feed, Routes
from appliance.normalise.schema import fields
from tests.appliance.detect.dialect import sigma_2_1
from tests.appliance.detect.oracle_times import LOCAL, in_office, part_of

Event = dict[str, Any]
Check = Callable[[Event], bool]
Keys = Callable[[str], str]
#: What says nothing that the source said; beside these every time that the box has read.
OURS = {"event.id", "agent.id", "event.original", "event.time_corrected", "winlog.logon.type", "network.bytes"} | {
    f"event.{word}" for word in ("module", "dataset", "kind", "category", "type", "action", "outcome", "duration")
}
#: Where events have a number for Windows' hexadecimal text, and a GUID without its braces.
NUMBERS = {"process.pid", "process.parent.pid"}
GUIDS = {"process.entity_id", "process.parent.entity_id"}
LONGEST_FOR_REGEX = 131_072
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: re.IGNORECASE,
    SigmaRegularExpressionFlag.MULTILINE: re.MULTILINE,
    SigmaRegularExpressionFlag.DOTALL: re.DOTALL,
}


@lru_cache(maxsize=1 << 16)
def low(value: str) -> str:
    if value.isascii():
        return value.lower()
    out = []
    for char in value:
        options = [c for c in (char.casefold(), char.lower(), char) if len(c) == 1]
        out.append(options[0])
    return "".join(out)


def as_text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float) and value == value and abs(value) < 1e18 and value == int(value):
        return str(int(value))
    return str(value)


def as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [as_text(item) for item in value] if isinstance(value, tuple) else [as_text(value)]


def string_test(value: SigmaString, keyword: bool) -> Callable[[str], bool]:
    cased = isinstance(value, SigmaCasedString)
    test = pattern_test([part if isinstance(part, SpecialChars) else str(part) for part in value.s], cased, keyword)
    return test if cased else lambda text: test(low(text))


def pattern_test(parts: list[Any], cased: bool, keyword: bool) -> Callable[[str], bool]:
    words = [part if isinstance(part, SpecialChars) or cased else low(part) for part in parts]
    stars = [word is SpecialChars.WILDCARD_MULTI for word in words]
    if len(words) == 1 and isinstance(words[0], str):
        wanted = words[0]
        return (lambda text: wanted in text) if keyword else (lambda text: text == wanted)
    if len(words) == 3 and stars == [True, False, True] and isinstance(words[1], str):
        inner = words[1]
        return lambda text: inner in text
    if len(words) == 2 and not keyword and stars == [True, False] and isinstance(words[1], str):
        tail = words[1]
        return lambda text: text[len(text) - len(tail) :] == tail if len(tail) <= len(text) else False
    if len(words) == 2 and not keyword and stars == [False, True] and isinstance(words[0], str):
        head = words[0]
        return lambda text: text[: len(head)] == head
    compiled = pattern_of(tuple(words))
    find = compiled.search if keyword else compiled.fullmatch
    return lambda text: find(text) is not None


@lru_cache(maxsize=1 << 14)
def pattern_of(words: tuple[Any, ...]) -> re.Pattern[str]:
    wild = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    return re.compile("".join(re.escape(word) if isinstance(word, str) else wild[word] for word in words), re.DOTALL)


def regex_test(value: SigmaRegularExpression) -> Callable[[str], bool]:
    flags = re.ASCII
    for flag in value.flags:
        flags |= FLAGS[flag]
    pattern = "".join(
        part if isinstance(part, str) else {"MULTI": "*", "SINGLE": "?"}[part.name[9:]] for part in value.regexp.s
    )
    if SigmaRegularExpressionFlag.MULTILINE not in value.flags:
        # `$` of the engine is the very end; Python's also stands before a last line feed.
        pattern = re.sub(r"(?<!\\)\$(?=$|\))", r"\\Z", pattern)
    if pattern.startswith("(?i)"):
        pattern, flags = pattern[4:], flags | re.IGNORECASE
    binds: frozenset[str] = getattr(value, "binds", frozenset())
    if binds == {"start"}:
        pattern = f"\\A(?:{pattern})"
    elif binds == {"end"}:
        pattern = f"(?:{pattern})\\Z"
    find = regex_of(pattern, flags).search
    return lambda text: find(text[:LONGEST_FOR_REGEX]) is not None


@lru_cache(maxsize=1 << 12)
def regex_of(pattern: str, flags: int) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(pattern, flags)


def network_test(value: SigmaCIDRExpression) -> Callable[[str], bool]:
    network = ipaddress.ip_network(value.cidr)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
        network = ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")

    def test(text: str) -> bool:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in network

    return test


def exact(text: str) -> Decimal:
    """A number as JSON would read it: whole ones exactly, others as the nearest float."""
    try:
        return Decimal(int(text))
    except ValueError:
        return Decimal(float(text))


def number_test(value: SigmaCompareExpression) -> Callable[[str], bool]:
    wanted = value.number.number
    part = value.number.timestamp_part if isinstance(value.number, SigmaTimestampPart) else None

    def test(text: str) -> bool:
        if part is None and set(text) - set("0123456789+-.eE"):
            return False
        try:
            found = exact(text) if part is None else Decimal(part_of(text, part))
        except ValueError:
            return False
        return {
            CompareOperators.LT: found < wanted,
            CompareOperators.LTE: found <= wanted,
            CompareOperators.GT: found > wanted,
            CompareOperators.GTE: found >= wanted,
        }[value.op]

    return test


def local_check(field: str, value: Any) -> Check:
    """A part of when it happened, as if it were a field with a number."""
    if isinstance(value, SigmaExpansion):
        checks = [local_check(field, each) for each in value.values]
        return lambda event: any(check(event) for check in checks)
    if isinstance(value, SigmaNull):
        return lambda _: False
    test, code = text_test(value, keyword=False), LOCAL[field]

    def check(event: Event) -> bool:
        try:
            return test(str(int(in_office(str(event["@timestamp"])).strftime(code))))
        except (KeyError, ValueError):
            return False

    return check


def time_test(value: SigmaTimestampPart) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            return part_of(text, value.timestamp_part) == value.number
        except ValueError:
            return False

    return test


def text_test(value: Any, keyword: bool) -> Callable[[str], bool]:
    if isinstance(value, SigmaString):
        return string_test(value, keyword)
    if isinstance(value, SigmaTimestampPart):
        return time_test(value)
    if isinstance(value, SigmaNumber | SigmaBool):
        wanted = as_text(value.number if isinstance(value, SigmaNumber) else value.boolean)
        return (lambda text: wanted in low(text)) if keyword else (lambda text: low(text) == wanted)
    if isinstance(value, SigmaRegularExpression):
        return regex_test(value)
    if isinstance(value, SigmaCIDRExpression):
        return network_test(value)
    assert isinstance(value, SigmaCompareExpression), value
    return number_test(value)


def native(key: str, value: Any) -> Any:
    """A value both ways: as events have it and as Windows writes it."""
    if key in NUMBERS:
        return tuple(text for one in as_items(value) for text in (one, hex(one)))
    if key in GUIDS:
        return tuple(text for one in as_items(value) for text in (one, f"{{{one}}}"))
    return value


def as_items(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def field_check(field: str, value: Any, keys: Keys) -> Check:
    if field in LOCAL:
        return local_check(field, value)
    key = field if field == "@timestamp" else keys(field)
    if isinstance(value, SigmaExpansion):
        checks = [field_check(field, each, keys) for each in value.values]
        return lambda event: any(check(event) for check in checks)
    if isinstance(value, SigmaNull):
        return lambda event: len(as_list(event.get(key))) == 0
    if isinstance(value, SigmaExists):
        return lambda event: (key in event) == value.exists
    if isinstance(value, SigmaFieldReference):
        return reference_check(key, keys(value.field), value)
    test = text_test(value, keyword=False)

    def check(event: Event) -> bool:
        if key not in event:
            return False
        found = native(key, event[key])
        return test(found) if type(found) is str else any(test(text) for text in as_list(found))

    return check


def reference_check(key: str, other: str, value: SigmaFieldReference) -> Check:
    def check(event: Event) -> bool:
        for mine in map(low, as_list(event.get(key))):
            for its in map(low, as_list(event.get(other))):
                if value.starts_with and value.ends_with:
                    hit = its in mine
                elif value.starts_with:
                    hit = mine[: len(its)] == its
                elif value.ends_with:
                    hit = mine.endswith(its)
                else:
                    hit = mine == its
                if hit:
                    return True
        return False

    return check


def keyword_check(value: Any) -> Check:
    if isinstance(value, SigmaExpansion):
        checks = [keyword_check(each) for each in value.values]
        return lambda event: any(check(event) for check in checks)
    test = text_test(value, keyword=True)
    return lambda event: any(test(text) for key in said(event) for text in as_list(event[key]))


def said(event: Event) -> Iterator[str]:
    for key in event:
        made = key in OURS or (key in fields() and fields()[key].type == "date")
        if not made and (key != "host.name" or event[key] != event.get("agent.id")):
            yield key


def condition_check(node: Any, keys: Keys) -> Check:
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return field_check(node.field, node.value, keys)
    if isinstance(node, ConditionValueExpression):
        return keyword_check(node.value)
    checks = [condition_check(arg, keys) for arg in node.args]
    if isinstance(node, ConditionNOT):
        return lambda event: not checks[0](event)
    if isinstance(node, ConditionOR):
        return lambda event: any(check(event) for check in checks)
    assert isinstance(node, ConditionAND), node
    return lambda event: all(check(event) for check in checks)


def where_check(node: Node, keys: Keys) -> Check:
    if isinstance(node, Const):
        return lambda _: node.value
    if isinstance(node, Atom):
        key = keys(node.field or "")
        return lambda event: any(low(text) == node.wanted for text in as_list(event.get(key)))
    assert isinstance(node, All | AnyOf), node
    checks = [where_check(child, keys) for child in node.children]
    combine = all if isinstance(node, All) else any
    return lambda event: combine(check(event) for check in checks)


def any_check(checks: list[Check]) -> Check:
    return lambda event: any(check(event) for check in checks)


class Oracle:
    """Every rule that is fed by an event's class is asked, one after another."""

    def __init__(self, rules: Iterable[SigmaRule], routes: Routes, keys: Callable[[EventClass], Keys]) -> None:
        # `parsed` builds its tree anew each time it is read.
        self.rules = [(rule, [each.parsed for each in rule.detection.parsed_condition]) for rule in rules]
        self.routes = routes
        self.keys = keys
        self.asked: dict[tuple[EventClass, tuple[Any, ...]], list[tuple[str, Check, Check]]] = {}

    @classmethod
    def of_documents(
        cls,
        documents: Iterable[dict[str, Any]],
        routes: Routes,
        keys: Callable[[EventClass], Keys],
        lists: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> Oracle:
        with warnings.catch_warnings(), sigma_2_1(lists):
            warnings.simplefilter("ignore")
            found = SigmaCollection.from_dicts(list(documents))
        return cls([rule for rule in found.rules if isinstance(rule, SigmaRule)], routes, keys)

    def match(self, event: Event, kind: EventClass) -> set[str]:
        categories = as_items(event.get("event.category"))
        place = (kind, categories)
        if place not in self.asked:
            self.asked[place] = [row for rule, trees in self.rules for row in self.rows(rule, trees, *place)]
        return {name for name, where, check in self.asked[place] if where(event) and check(event)}

    def rows(
        self, rule: SigmaRule, trees: list[Any], kind: EventClass, categories: tuple[Any, ...]
    ) -> Iterable[tuple[str, Check, Check]]:
        source = Logsource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
        for feed in self.routes.feeds(source):
            if self.feeds(feed, kind, categories):
                base = self.keys(kind)

                def keys(name: str, base: Keys = base, feed: Feed = feed) -> str:
                    return base(feed.renames.get(name, name))

                checks = [condition_check(tree, keys) for tree in trees]
                yield str(rule.id), where_check(feed.where, keys), any_check(checks)

    @staticmethod
    def feeds(feed: Feed, kind: EventClass, categories: tuple[Any, ...]) -> bool:
        wanted = ((feed.modules, kind.module), (feed.channels, kind.channel), (feed.codes, kind.code))
        in_category = feed.categories is None or any(one in feed.categories for one in categories)
        return in_category and all(names is None or value in names for names, value in wanted)
