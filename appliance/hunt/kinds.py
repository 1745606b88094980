"""Under which event keys a rule's field may stand in the events of a feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from appliance.detect.engine import field_names
from appliance.detect.moments import LOCAL, MOMENT
from appliance.detect.resolve import with_renames
from appliance.detect.routes import EventClass, Feed
from appliance.normalise.schema import windows
from appliance.normalise.vocabulary import vocabularies, vocabulary

WINDOWS = "windows.eventlog"
Keys = Callable[[str], tuple[str, ...]]
"""From the name of a field to the event keys it may have."""


def keys_of(feed: Feed) -> Keys:
    """Return what tells the event keys of a rule's fields in any event of a feed."""
    resolvers = [with_renames(field_names(kind), feed.renames) for kind in kinds_of(feed)]

    @cache
    def keys(name: str) -> tuple[str, ...]:
        if name in LOCAL:
            return (MOMENT,)
        return tuple(sorted({resolver(name) for resolver in resolvers}))

    return keys


def kinds_of(feed: Feed) -> list[EventClass]:
    """Return the classes of events that a feed may take, as far as field names tell classes apart."""
    # "" stands for modules that no table knows: their fields keep their names.
    modules = feed.modules or {WINDOWS, "", *vocabularies()}
    return [kind for module in sorted(modules) for kind in _of_module(module, feed)]


def _of_module(module: str, feed: Feed) -> Iterator[EventClass]:
    if module == WINDOWS:
        yield from _of_windows(feed)
        return
    for category in feed.categories or {None, *vocabulary(module).logs}:
        yield EventClass(module, None, None, category)


def _of_windows(feed: Feed) -> Iterator[EventClass]:
    groups = windows().groups
    for channel in feed.channels or {None, *(channel for group in groups for channel in group.channels)}:
        named = {code for group in groups if channel in group.channels for code in group.codes or ()}
        for code in feed.codes or {None, *named}:
            yield EventClass(WINDOWS, channel, code)
