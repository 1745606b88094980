"""pySigma processing pipelines for other people's backends: from Sigma's field names to the keys of our events.

Nothing is listed here: routes and field names are those of the engine itself (`rules/pipelines`, `rules/schema`), so a
query that `sigma convert` makes looks for what the engine would match. A log source that no source of ours feeds is
refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaTransformationError
from sigma.processing.conditions import LogsourceCondition, RuleProcessingCondition
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.processing.transformations.base import FieldMappingTransformationBase
from sigma.rule import SigmaRule
from sigma.rule.detection import SigmaDetection

from appliance.normalise.schema import windows

from .engine import field_names
from .lists import shipped_lists
from .model import Logsource
from .nodes import FALSE, TRUE, All, AnyOf, Atom, Node, Op, atoms
from .parse import parse_file
from .resolve import applied, facts, with_renames
from .routes import EventClass, Feed, shipped_routes

#: An event code that no table and no rule names: it stands for all others.
_OTHER_CODE = -1
#: Event codes of one channel that are told apart.
_CODES = 500
_KEYS = (
    ("event.module", "modules"),
    ("winlog.channel", "channels"),
    ("event.code", "codes"),
    ("event.category", "categories"),
)
Kinds = list[tuple[Feed, EventClass]]


def pipeline(name: str, only: str | None = None) -> ProcessingPipeline:
    """A new pipeline for the rules of one product, or for all; placeholders of the lists that ship are filled."""

    def conditions() -> list[RuleProcessingCondition]:
        # One for each item: a condition belongs to one pipeline and says so when it is used again.
        return [LogsourceCondition(product=only)] if only else []

    lists = {name: list(values) for name, values in shipped_lists().items()}
    items = [
        ProcessingItem(
            ValueListPlaceholderTransformation(include=sorted(lists)),
            rule_conditions=conditions(),
            identifier="czujka_lists",
        ),
        ProcessingItem(EventKeys(), rule_conditions=conditions(), identifier="czujka_event_keys"),
    ]
    return ProcessingPipeline(name=name, priority=20, items=items, vars=dict(lists))


@dataclass
class EventKeys(FieldMappingTransformationBase):
    """Gives each field of a rule its event key and demands the events of the rule's log source."""

    _kinds: Kinds = field(init=False, default_factory=list, compare=False)
    _done: dict[int, Kinds] = field(init=False, default_factory=dict, compare=False)

    def apply(self, rule: SigmaRule | SigmaCorrelationRule) -> None:
        """Change one rule. Raises SigmaTransformationError when no source feeds it."""
        if isinstance(rule, SigmaCorrelationRule):
            # Its rules were changed before it, and their fields are its fields.
            self._kinds = [kind for each in rule.referenced_rules for kind in self._done.get(id(each.rule), [])]
            super().apply(rule)
            return
        source = Logsource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
        feeds = shipped_routes().feeds(source)
        if not feeds:
            raise SigmaTransformationError(f"no source of Czujka feeds this rule ({source})", source=rule.source)
        self._kinds = self._done[id(rule)] = relevant(rule, feeds)
        super().apply(rule)
        _demand(rule, feeds)

    def apply_field_name(self, field: str | None) -> str | list[str] | None:
        """Return the event keys of a field; None leaves a keyword as it is."""
        if field is None:
            return None
        keys = sorted({key(field, feed, kind) for feed, kind in self._kinds})
        return keys[0] if len(keys) == 1 else keys or None


def key(name: str, feed: Feed, kind: EventClass) -> str:
    """The event key of a rule's field in one class of events."""
    return with_renames(field_names(kind), feed.renames)(name)


def relevant(rule: SigmaRule, feeds: Iterable[Feed]) -> Kinds:
    """The classes of events that the rule can match at all: they decide what its field names mean."""
    feeds = list(feeds)
    node = TRUE if all(feed.codes or not feed.channels for feed in feeds) else _node(rule)
    found = [(feed, kind) for feed in feeds for kind in _classes(feed, node)]
    able = [(feed, kind) for feed, kind in found if applied(node, feed, field_names(kind), facts(kind)) != FALSE]
    return able or found


def _node(rule: SigmaRule) -> Node:
    """The rule as the engine reads it; TRUE for what the engine refuses, or another pipeline has changed."""
    try:
        plain = rule.to_dict()
    except SigmaError:
        return TRUE
    # JSON is YAML.
    parsed = parse_file("rule", json.dumps(plain, default=str).encode())
    return parsed.rules[0].node if parsed.rules else TRUE


def _classes(feed: Feed, node: Node) -> Iterator[EventClass]:
    channels: list[str | None] = [*sorted(feed.channels or ())] or [None]
    categories: list[str | None] = [*sorted(feed.categories or ())] or [None]
    for module, channel, category in product(sorted(feed.modules or ()), channels, categories):
        for code in sorted(feed.codes) if feed.codes else _codes(channel, node):
            yield EventClass(module, channel, code, category)


def _codes(channel: str | None, node: Node) -> list[int | None]:
    """The event codes that our table or the rule itself names, and one for all others."""
    if channel is None:
        return [None]
    named = {atom.wanted for atom in atoms(node) if atom.op is Op.EQUALS and atom.field in ("EventID", "event.code")}
    codes = {int(text) for text in named if isinstance(text, str) and text.isascii() and text.isdigit()}
    for group in windows().groups:
        if channel in group.channels:
            codes |= group.codes or set()
    return [_OTHER_CODE, *sorted(codes)[:_CODES]]


def _demand(rule: SigmaRule, feeds: Iterable[Feed]) -> None:
    """Add the log source to a rule's conditions, in event keys; what several feeds share stands once."""
    demands: list[dict[str, list[Any]]] = []
    for feed in feeds:
        wanted: dict[str, list[Any]] = {name: sorted(found) for name, part in _KEYS if (found := getattr(feed, part))}
        wanted.update(_where(feed))
        if wanted not in demands:
            demands.append(wanted)
    names = [f"_czujka_source_{number}" for number, _ in enumerate(demands)]
    for name, demand in zip(names, demands, strict=True):
        rule.detection.detections[name] = SigmaDetection.from_definition(demand)
    source = " or ".join(names)
    for condition in rule.detection.parsed_condition:
        condition.condition = f"({source}) and ({condition.condition})"


def _where(feed: Feed) -> dict[str, list[str]]:
    """A feed's further condition, as the routes write it: all of its fields, each equal to one of some values."""
    wanted: dict[str, list[str]] = {}
    kind = next(_classes(feed, TRUE))
    for part in feed.where.children if isinstance(feed.where, All) else (feed.where,):
        for atom in part.children if isinstance(part, AnyOf) else (part,):
            if isinstance(atom, Atom) and atom.field is not None:
                wanted.setdefault(key(atom.field, feed, kind), []).append(str(atom.wanted))
    return wanted
