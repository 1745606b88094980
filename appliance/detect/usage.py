"""Which fields events have and which fields rules read: what is seen by no rule, and what rules wait for in vain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from .correlation.model import Correlation
from .correlation.resolve import Resolved
from .model import Rule
from .moments import LOCAL
from .nodes import Node, fields
from .resolve import ResolverFactory, with_renames
from .routes import EventClass, Feed, Routes, event_class
from .values import Event

#: Classes of events, and names in all of them together, that are told apart; strangers choose both.
MAX_CLASSES = 2048
MAX_NAMES = 100_000
#: Titles kept as examples.
_TITLES = 3
OTHERS = EventClass("…")
NOTHING = Resolved((), {}, ())
"""No correlations."""
#: What the normaliser adds to every event and what routing itself reads, beside `event.*`.
_OURS = frozenset({"@timestamp", "host.name", "winlog.channel", "agent.id"})


@dataclass(frozen=True, slots=True)
class Unread:
    """An event key that no rule for its class of events reads; `events` have it."""

    module: str
    channel: str
    key: str
    events: int


@dataclass(frozen=True, slots=True)
class Unseen:
    """A field that `rules` rules of a log source read and no event of it has; `titles` are a few of the rules.

    Correlations count as rules of the log sources of the rules that they stand on: they group by fields and count them.
    """

    logsource: str
    field: str
    rules: int
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The two lists, the log sources without a single event (with their rules), and how many names were too many."""

    unread: list[Unread]
    unseen: list[Unseen]
    silent: list[tuple[str, int]]
    overflow: int


class Usage:
    """Counts the fields of events; what goes past the bounds is counted in `overflow`."""

    def __init__(self) -> None:
        self.events = 0
        self.overflow = 0
        self._names = 0
        self._seen: dict[EventClass, Counter[str]] = {}

    def add(self, event: Event) -> None:
        """Count one event's fields."""
        self.events += 1
        kind = event_class(event)
        counts = self._seen.get(kind)
        if counts is None:
            if len(self._seen) >= MAX_CLASSES:
                kind = OTHERS
            counts = self._seen.setdefault(kind, Counter())
        for key in event:
            if key in counts:
                counts[key] += 1
            elif self._names < MAX_NAMES:
                self._names += 1
                counts[key] = 1
            else:
                self.overflow += 1

    def report(
        self, rules: Sequence[Rule], routes: Routes, resolvers: ResolverFactory, resolved: Resolved = NOTHING
    ) -> Report:
        """Compare what was seen with what rules read, and what the correlations of `resolved` read of their events."""
        read: dict[EventClass, set[str]] = defaultdict(set)
        waiting: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        silent: Counter[str] = Counter()
        asked = asked_by_correlations(resolved)
        for rule in rules:
            kinds = list(self._kinds(routes.feeds(rule.logsource)))
            if not kinds:
                silent[str(rule.logsource)] += 1
                continue
            for kind, feed in kinds:
                read[kind].update(
                    key for _, keys in _resolved(_named(feed.where), [(kind, feed)], resolvers) for _, key in keys
                )
            readers: list[tuple[Rule | Correlation, set[str]]] = [(rule, _named(rule.node))]
            readers += asked.get(rule.id, {}).values()
            for reader, names in readers:
                for name, keys in _resolved(names, kinds, resolvers):
                    for kind, key in keys:
                        read[kind].add(key)
                    if not any(key in self._seen[kind] for kind, key in keys):
                        waiting[str(rule.logsource), name][reader.id] = reader.title
        unseen = [
            Unseen(source, name, len(readers), tuple(islice(readers.values(), _TITLES)))
            for (source, name), readers in waiting.items()
        ]
        unseen.sort(key=lambda each: (-each.rules, each.logsource, each.field))
        return Report(self._unread(read), unseen, silent.most_common(), self.overflow)

    def _kinds(self, feeds: Iterable[Feed]) -> Iterator[tuple[EventClass, Feed]]:
        for kind in self._seen:
            for feed in feeds:
                if feed.takes(kind):
                    yield kind, feed

    def _unread(self, read: dict[EventClass, set[str]]) -> list[Unread]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for kind, names in self._seen.items():
            for key, count in names.items():
                if key not in read[kind] and key not in _OURS and not key.startswith("event."):
                    counts[kind.module, kind.channel or "", key] += count
        rows = [Unread(*place, count) for place, count in counts.items()]
        return sorted(rows, key=lambda row: (-row.events, row.module, row.channel, row.key))


def asked_by_correlations(resolved: Resolved) -> dict[str, dict[str, tuple[Rule | Correlation, set[str]]]]:
    """Return what correlations group by and count in the events of each rule: ids of both → correlation, field names.

    A correlation on top of another one reads fields of the events that the lower one's rules matched.
    """
    asked: dict[str, dict[str, tuple[Rule | Correlation, set[str]]]] = defaultdict(dict)
    for one in resolved.correlations:
        for rule, names in _reached(one, {*one.group_by, *one.fields}, resolved):
            asked[rule.id].setdefault(one.id, (one, set()))[1].update(names)
    return asked


def _reached(one: Correlation, names: Iterable[str], resolved: Resolved) -> Iterator[tuple[Rule, set[str]]]:
    for reference, target in zip(one.rules, resolved.targets[one.id], strict=True):
        meant = {one.field_of(name, reference) for name in names}
        if isinstance(target, Rule):
            yield target, meant
        else:
            yield from _reached(target, meant, resolved)


def _named(node: Node) -> set[str]:
    return {name for name in fields(node) if name is not None and name not in LOCAL}


def _resolved(
    names: Iterable[str], kinds: Sequence[tuple[EventClass, Feed]], resolvers: ResolverFactory
) -> Iterator[tuple[str, list[tuple[EventClass, str]]]]:
    """Each field with the event key it has in each class."""
    tables = [(kind, with_renames(resolvers(kind), feed.renames)) for kind, feed in kinds]
    for name in sorted(names):
        yield name, [(kind, resolve(name)) for kind, resolve in tables]
