"""A correlation's fields in an event: Sigma names to event keys, values to texts that compare as Sigma compares."""

from __future__ import annotations

import math
from hashlib import blake2b

from appliance.detect.model import Rule
from appliance.detect.resolve import ResolverFactory, with_renames
from appliance.detect.routes import Routes, event_class
from appliance.detect.values import Event, Value, fold, texts

#: Characters of a group value that are kept; longer ones are told apart by a hash.
LONGEST = 200
#: Ways of events that keys are remembered for.
_WAYS = 4096
_SEPARATORS = dict.fromkeys(range(28, 32), " ")
Keys = tuple[str, ...]


class FieldKeys:
    """From a rule's field names to the keys of the events that it matches."""

    def __init__(self, routes: Routes, resolver_factory: ResolverFactory) -> None:
        self._routes = routes
        self._resolver_factory = resolver_factory
        self._known: dict[tuple[object, ...], Keys] = {}

    def keys(self, rule: Rule, event: Event, names: Keys) -> Keys:
        """The keys of fields in an event that the rule matched."""
        get = event.get
        way = (rule.id, names, get("event.module"), get("winlog.channel"), get("event.code"), get("event.category"))
        found = self._known.get(way)
        if found is None:
            if len(self._known) >= _WAYS:
                self._known.clear()
            found = self._known[way] = self._look_up(rule, event, names)
        return found

    def _look_up(self, rule: Rule, event: Event, names: Keys) -> Keys:
        kind = event_class(event)
        resolver = self._resolver_factory(kind)
        feed = next((feed for feed in self._routes.feeds(rule.logsource) if feed.takes(kind)), None)
        if feed is not None:
            resolver = with_renames(resolver, feed.renames)
        return tuple(resolver(name) for name in names)


def group_text(value: Value | None) -> str:
    """A value as groups compare it: without case, several values together; nothing for a missing or empty one."""
    if type(value) is str:
        found = fold(value)
    elif value is None:
        return ""
    else:
        found = ", ".join(fold(text) for text in texts(value))
    if not found.isprintable():
        # What separates the parts of a key must not stand in one, and it must be a text that any file takes.
        found = found.translate(_SEPARATORS).encode("utf-8", "replace").decode()
    if len(found) <= LONGEST:
        return found
    mark = blake2b(found.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{found[: LONGEST - 20]}…{mark}"


def number_of_text(value: Value | None) -> float | None:
    """A value as a number; None for what is none, or not finite. Of several values the first counts."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
