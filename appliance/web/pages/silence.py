"""Why silent stations say nothing: what the store and the other stations tell of each.

Those that went silent near each other in time, as an office does in the evening, are asked for together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from appliance.clock import DAY, HOUR, MINUTE
from appliance.search import parse
from appliance.search.complete import phrase
from appliance.search.nodes import And, Exact, Field, Kind, Leaf, Node, Or
from appliance.stations.silence import Facts, Silence, Stop, explain, stop_of
from appliance.store import Measure, QueryTimeout, StoreUnavailable
from appliance.web.context import Context
from appliance.web.pages.views.stations import Station

MOST = 100
"""Stations of one question."""
_ENDED_WITHIN, _MET_WITHIN = DAY, 10 * MINUTE
"""How far apart the last signs of life may be of stations whose ends are asked for at once; whose addresses are: there
the store has much more to look at."""
_BEFORE, _AFTER = 5 * MINUTE, 5 * MINUTE
_MET_FROM, _MET_FOR = 2 * MINUTE, HOUR
"""An end is told around the last sign of life; who is up without its agent is met soon after it."""
_ENDS = parse(
    "(event.module:czujka.agent AND event.action:agent_stopping)"
    " OR (event.module:windows.eventlog AND event.code:(1074 OR 6006 OR 13 OR 109 OR 42 OR 506))"
    " OR audit.type:SYSTEM_SHUTDOWN"
    " OR (process.name:systemd-logind AND message:(*power* OR *halt* OR *reboot* OR *suspend* OR *hibernat*))"
)
_PAGE, _PAGES = 1000, 3
_AGENT = Field("agent.id", Kind.KEYWORD)


def reasons(
    context: Context, stations: Iterable[Station], wanted: Iterable[Station] | None = None
) -> Mapping[str, Silence]:
    """Return the likeliest reasons by station; what the store does not answer is left out.

    `stations` are all of the office: a network of which none is heard is at fault itself. Only those `wanted` are
    explained, all when None.
    """
    every = [one for one in stations if one.state in {"heard", "silent"}]
    silent = [one for one in (every if wanted is None else wanted) if one.state == "silent"]
    beside = Counter(map(_network, every))
    heard = Counter(_network(one) for one in every if one.state == "heard")
    try:
        stops = _stops(context, silent)
        met = _met(context, [one for one in silent if one.id not in stops])
    except (StoreUnavailable, QueryTimeout):
        return {}
    found: dict[str, Silence] = {}
    for one in silent:
        network = _network(one)
        told = Facts(_seen(one), stop=stops.get(one.id), met_at=met.get(one.id))
        found[one.id] = explain(replace(told, others=beside[network] - 1, others_heard=heard[network]))
    return found


def _near(silent: Sequence[Station], within: int) -> Iterator[list[Station]]:
    """Yield groups of stations, the newest first, whose last signs of life are at most so far apart (µs)."""
    group: list[Station] = []
    for one in sorted(silent, key=_seen, reverse=True):
        if group and (_seen(group[0]) - _seen(one) > within or len(group) == MOST):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _seen(one: Station) -> int:
    return one.seen_at or 0


def _network(one: Station) -> str:
    """Return the part of an address that stations of one network share; the usual /24."""
    return one.address.rpartition(".")[0]


def _stops(context: Context, silent: Sequence[Station]) -> dict[str, Stop]:
    """Return the newest end that each station told of around its last sign of life."""
    found: dict[str, Stop] = {}
    for some in _near(silent, _ENDED_WITHIN):
        seen = {one.id: _seen(one) for one in some}
        query = And((Or(tuple(Leaf((_AGENT,), Exact(one.id)) for one in some)), _ENDS))
        for event in _events(context, query, _seen(some[-1]) - _BEFORE, _seen(some[0]) + _AFTER):
            whose, stop = str(event["agent.id"]), stop_of(event)
            if stop is not None and -_BEFORE <= stop.at - seen[whose] < _AFTER:
                found.setdefault(whose, stop)
    return found


def _events(context: Context, query: Node, start: int, end: int) -> Iterator[Mapping[str, object]]:
    after = None
    for _ in range(_PAGES):
        page = context.store.search(query, start, end, _PAGE, after)
        yield from page.events
        after = page.next
        if after is None:
            return


def _met(context: Context, silent: Sequence[Station]) -> dict[str, int]:
    """Return when somebody else saw a station's address as a sender, soon after its last sign of life."""
    found: dict[str, int] = {}
    for some in _near([one for one in silent if one.address], _MET_WITHIN):
        query = Or(tuple(parse(f"source.ip:{phrase(one.address)}") for one in some))
        start, end = _seen(some[-1]) + _MET_FROM, _seen(some[0]) + _MET_FOR
        by, newest = ("source.ip", "agent.id"), (Measure("max", "@timestamp"),)
        for group in context.store.group(query, by, newest, n=_PAGE, start=start, end=end).rows:
            address, teller = map(str, group.key)
            at = int(group.measures[0] or 0)
            for one in some:
                if one.address == address and one.id != teller:
                    found[one.id] = max(at, found.get(one.id, 0))
    return found
