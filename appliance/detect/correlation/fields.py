"""A correlation's fields in an event: Sigma names to event keys, values to texts that compare as Sigma compares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from appliance.detect.model import Rule
from appliance.detect.predicates import number_of
from appliance.detect.resolve import ResolverFactory, with_renames
from appliance.detect.routes import Routes, event_class
from appliance.detect.values import Event, Value, fold, texts

#: Characters of a group value that are kept; longer ones are told apart by a hash.
LONGEST = 200
_SEPARATORS = dict.fromkeys(range(28, 32), " ")
#: Stands between the values of a group in its key.
GAP = "\x1f"
Keys = tuple[str, ...]
_EXACT = 1 << 53


class FieldKeys:
    """From a rule's field names to the keys of the events that it matches."""

    def __init__(self, routes: Routes, resolver_factory: ResolverFactory) -> None:
        self._routes = routes
        self._resolver_factory = resolver_factory

    def keys(self, rule: Rule, event: Event, names: Keys) -> Keys:
        """The keys of fields in an event that the rule matched."""
        kind = event_class(event)
        resolver = self._resolver_factory(kind)
        feed = next((feed for feed in self._routes.feeds(rule.logsource) if feed.takes(kind)), None)
        if feed is not None:
            resolver = with_renames(resolver, feed.renames)
        return tuple(resolver(name) for name in names)


def canonical(event: Event, keys: Iterable[str]) -> Event:
    """The event with the one English name where an account is told twice under one of the keys."""
    found = {key: value[-1] for key in keys if isinstance(value := event.get(key), tuple) and value}
    return {**event, **found} if found else event


def group_text(value: Value | None) -> str:
    """A value as groups compare it: without case, several values together; nothing for a missing or empty one."""
    if type(value) is str:
        if len(value) <= LONGEST and value.isascii() and value.isprintable():
            return value.lower()
        return _folded(value) if len(value) <= LONGEST else _shortened(fold(value))
    return "" if value is None else _shortened(", ".join(fold(text) for text in texts(value)))


def group_key(values: Sequence[Value | None]) -> str | None:
    """The key of a group; None where one of the values is missing or empty."""
    try:
        plain = "".join(values)  # type: ignore[arg-type]  # what is no text raises
    except TypeError:
        plain = GAP
    if len(plain) <= LONGEST and plain.isascii() and plain.isprintable():
        # What `group_text` does with most values, at once for all of them.
        return None if "" in values else GAP.join(values).lower()  # type: ignore[arg-type]  # all are texts here
    found = [group_text(value) for value in values]
    return None if "" in found else GAP.join(found)


@lru_cache(maxsize=1 << 12)
def _folded(text: str) -> str:
    return _shortened(fold(text))


def _shortened(text: str) -> str:
    if not text.isprintable():
        # What separates the parts of a key must not stand in one, and it must be a text that any file takes.
        text = text.translate(_SEPARATORS).encode("utf-8", "replace").decode()
    if len(text) <= LONGEST:
        return text
    mark = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[: LONGEST - 20]}…{mark}"


def number_of_text(value: Value | None) -> float | None:
    """A value as a number, texts read as rules compare them; None for what is none, or not finite.

    Of several values the first counts.
    """
    if type(value) is int and -_EXACT < value < _EXACT:
        return float(value)
    if isinstance(value, tuple):
        value = value[0] if value else None
    if value is None or isinstance(value, bool):
        return None
    number = number_of(value) if isinstance(value, str) else value
    try:
        return float(number) if number is not None and math.isfinite(number) else None
    except OverflowError:
        return None
