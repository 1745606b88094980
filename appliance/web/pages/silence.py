"""Why silent stations say nothing: what the store and the other stations tell of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from appliance.clock import HOUR, MINUTE
from appliance.search.complete import phrase
from appliance.stations.silence import Facts, Silence, Stop, explain, stop_of
from appliance.store import QueryTimeout, StoreUnavailable
from appliance.web.context import Context
from appliance.web.pages.views.events import term
from appliance.web.pages.views.stations import Station

MOST = 20
"""Silent stations that are looked into at once; each takes two small questions to the store."""
_BEFORE, _AFTER = 5 * MINUTE, 5 * MINUTE
_MET_FROM, _MET_FOR = 2 * MINUTE, HOUR
"""An end is told around the last sign of life; who is up without its agent is met soon after it."""
_ENDS = (
    "(event.module:czujka.agent AND event.action:agent_stopping)"
    " OR (event.module:windows.eventlog AND event.code:(1074 OR 6006 OR 13 OR 109 OR 42 OR 506))"
    " OR audit.type:SYSTEM_SHUTDOWN OR process.name:systemd-logind"
)
_LOOKED = 50


def reasons(context: Context, stations: Iterable[Station], only: str = "") -> Mapping[str, Silence]:
    """Return the likeliest reasons by station; of the first MOST silent ones, and none while the store rests.

    `stations` are all of the office: a network of which none is heard is at fault itself. `only` one may be wanted.
    """
    every = [one for one in stations if one.state in {"heard", "silent"}]
    found: dict[str, Silence] = {}
    try:
        for one in [station for station in every if station.state == "silent" and only in {"", station.id}][:MOST]:
            found[one.id] = explain(_facts(context, one, every))
    except (StoreUnavailable, QueryTimeout):
        return found
    return found


def _facts(context: Context, one: Station, every: Iterable[Station]) -> Facts:
    seen = one.seen_at or 0
    beside = [other for other in every if other.id != one.id and _network(other) == _network(one)]
    return Facts(
        seen_at=seen,
        stop=_stop(context, one, seen),
        others=len(beside),
        others_heard=sum(other.state == "heard" for other in beside),
        met_at=_met(context, one, seen),
    )


def _network(one: Station) -> str:
    """Return the part of an address that stations of one network share; the usual /24."""
    return one.address.rpartition(".")[0]


def _stop(context: Context, one: Station, seen: int) -> Stop | None:
    query = f"{term('agent.id', one.id)} AND ({_ENDS})"
    events = context.store.search(query, seen - _BEFORE, seen + _AFTER, _LOOKED).events
    return next((stop for event in events if (stop := stop_of(event)) is not None), None)


def _met(context: Context, one: Station, seen: int) -> int | None:
    """Return when somebody else saw its address as a sender."""
    if not one.address:
        return None
    query = f"source.ip:{phrase(one.address)} AND NOT {term('agent.id', one.id)}"
    events = context.store.search(query, seen + _MET_FROM, seen + _MET_FOR, 1).events
    at = events[0]["@timestamp"] if events else None
    return at if isinstance(at, int) else None
