"""Which events a rule's log source means: data from `rules/pipelines/logsources.yaml`, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from appliance import plainyaml
from rules import ROOT

from .model import Logsource
from .nodes import TRUE, Atom, Node, Op, all_of, any_of
from .values import Event, fold, text

SHIPPED = ROOT / "pipelines" / "logsources.yaml"
Names = frozenset[str]
#: Categories of one event; ECS has twenty.
MAX_CATEGORIES = 32


class EventClass(NamedTuple):
    """What the choice of rules and field names depends on. A tuple, since it is looked up for every match."""

    module: str
    channel: str | None = None
    code: int | None = None
    category: str | None = None
    more: tuple[str, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories; field names depend on the first alone."""
        return self.more if self.category is None else (self.category, *self.more)

    def apart(self) -> list[EventClass]:
        """The classes of one category each."""
        return [self._replace(category=one, more=()) for one in self.categories] or [self]


def event_class(event: Event) -> EventClass:
    """The class of an event."""
    code, categories = event.get("event.code"), event.get("event.category")
    if not isinstance(categories, tuple):
        categories = () if categories is None else (categories,)
    words = [*dict.fromkeys(one for one in categories if isinstance(one, str))]
    channel = event.get("winlog.channel")
    return EventClass(
        str(event.get("event.module", "")),
        channel if isinstance(channel, str) else None,
        code if type(code) is int else None,
        words[0] if words else None,
        tuple(words[1:MAX_CATEGORIES]),
    )


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of events that a log source consists of. None places no demand.

    `where` is a further condition in Sigma's field names or event keys; `renames` gives a rule's field another
    Sigma name first.
    """

    modules: Names | None = None
    channels: Names | None = None
    codes: frozenset[int] | None = None
    categories: Names | None = None
    where: Node = TRUE
    renames: Mapping[str, str] = field(default_factory=dict)

    def takes(self, kind: EventClass) -> bool:
        """Whether events of this class belong here, as far as the class can tell."""
        return (
            (self.modules is None or kind.module in self.modules)
            and (self.channels is None or (kind.channel or "") in self.channels)
            and (self.codes is None or kind.code in self.codes)
            and (self.categories is None or not self.categories.isdisjoint(kind.categories))
        )

    def narrowed(self, other: Feed) -> Feed:
        """What belongs to both."""
        return Feed(
            _both(self.modules, other.modules),
            _both(self.channels, other.channels),
            _both(self.codes, other.codes),
            _both(self.categories, other.categories),
            all_of([self.where, other.where]),
            {**other.renames, **self.renames},
        )


def _both(one: frozenset[Any] | None, other: frozenset[Any] | None) -> frozenset[Any] | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other


@dataclass(frozen=True, slots=True)
class Reason:
    """Why no source of ours feeds a log source, in both languages."""

    name: str
    pl: str
    en: str


#: Of a log source that no table knows, where the tables give no text.
UNKNOWN = Reason("unknown", "Czujka nie zna takiego źródła.", "Czujka knows no such source.")


@dataclass(frozen=True, slots=True)
class Routes:
    """From a log source to its feeds, or to the reason why it has none."""

    products: Mapping[str, tuple[Feed, ...]]
    categories: Mapping[str, tuple[Feed, ...]]
    services: Mapping[str, tuple[Feed, ...]]
    unfed: Mapping[str, Reason] = field(default_factory=dict)
    unknown: Reason = UNKNOWN

    def feeds(self, source: Logsource) -> tuple[Feed, ...]:
        """Where the events of a log source come from; empty when no source of ours feeds it."""
        product = source.product or ""
        found = [self._named(self.categories, product, source.category)] if source.category else []
        if source.service:
            found.append(self._named(self.services, product, source.service))
        if not found:
            return self.products.get(product, ())
        if len(found) == 1:
            return found[0]
        return tuple(one.narrowed(other) for one in found[0] for other in found[1])

    def reason(self, source: Logsource) -> Reason | None:
        """Why a log source has no feeds; None when it has."""
        if self.feeds(source):
            return None
        product = source.product or ""
        names = (source.service, source.category, "*")
        found = (self.unfed.get(f"{product}/{name}") for name in names if name)
        return next((reason for reason in found if reason), self.unknown)

    @staticmethod
    def _named(table: Mapping[str, tuple[Feed, ...]], product: str, name: str) -> tuple[Feed, ...]:
        return table.get(f"{product}/{name}", ())


def parse_routes(document: Mapping[str, Any]) -> Routes:
    """Routes from the YAML's plain value. Raises KeyError or ValueError for what is not a route."""
    services = {name: _feeds(rows, {}) for name, rows in document["services"].items()}
    reasons = {
        name: Reason(name, str(text["pl"]), str(text["en"])) for name, text in document.get("reasons", {}).items()
    }
    return Routes(
        products={name: _feeds(rows, services) for name, rows in document["products"].items()},
        categories={name: _feeds(rows, services) for name, rows in document["categories"].items()},
        services=services,
        unfed={name: reasons[reason] for name, reason in document.get("unfed", {}).items()},
        unknown=reasons.get("unknown", UNKNOWN),
    )


def _feeds(rows: Iterable[Mapping[str, Any]], services: Mapping[str, tuple[Feed, ...]]) -> tuple[Feed, ...]:
    feeds: list[Feed] = []
    for row in rows:
        unknown = set(row) - {"modules", "channels", "codes", "categories", "where", "renames", "service"}
        if unknown:
            raise ValueError(f"unknown keys in a route: {', '.join(sorted(unknown))}")
        feed = Feed(
            _names(row.get("modules")),
            _names(row.get("channels")),
            _names(row.get("codes")),
            _names(row.get("categories")),
            _where(row.get("where", {})),
            dict(row.get("renames", {})),
        )
        bases = services[row["service"]] if "service" in row else (Feed(),)
        feeds.extend(feed.narrowed(base) for base in bases)
    return tuple(feeds)


def _names(values: Iterable[Any] | None) -> frozenset[Any] | None:
    return None if values is None else frozenset(values)


def _where(conditions: Mapping[str, Any]) -> Node:
    return all_of(
        any_of(Atom(name, Op.EQUALS, fold(text(value))) for value in (wanted if isinstance(wanted, list) else [wanted]))
        for name, wanted in conditions.items()
    )


@lru_cache(maxsize=1)
def shipped_routes(path: Path = SHIPPED) -> Routes:
    """The routes that come with the product."""
    return parse_routes(plainyaml.load(path.read_text(encoding="utf-8")))
