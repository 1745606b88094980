"""Known weaknesses of stations in a report. Pure: what is known and accepted in, JSON-ready values out.

A station that could not be compared is named; nothing found there means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.report.stations import MOST_LISTED, MOST_NAMED, Station, hosts_of
from appliance.state.stations import WeaknessAcceptance
from appliance.vulnerabilities.accepted import Known

MOST_EXPLOITED, MOST_OTHERS, MOST_ACCEPTED, MOST_PRODUCTS = 30, 15, 40, 3


@dataclass(frozen=True, slots=True)
class Compared:
    """How a station was compared: whether its system is known at all, and how many weaknesses the bound left out."""

    judged: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class Weak:
    """What is known of stations at the period's end. Times in microseconds."""

    known: Sequence[Known] = ()
    accepted: Sequence[WeaknessAcceptance] = ()
    compared: Mapping[str, Compared] = field(default_factory=dict)
    came: Mapping[str, int] = field(default_factory=dict)
    """By agent: what became known in the period. Only agents that had been compared before it."""
    went: Mapping[str, int] = field(default_factory=dict)
    """By the same agents: what was there at the period's start and is there no more."""
    feeds_made_at: int | None = None
    feeds_old: bool = False


def vulnerabilities_data(stations: Sequence[Station], weak: Weak) -> dict[str, Any]:
    """Return what the report says of weaknesses; `changes` is null where nothing was compared before the period."""
    asked = {station.id: station for station in stations if station.judged}
    compared = {agent: one for agent, one in weak.compared.items() if agent in asked}
    blind = [station for station in asked.values() if station.id not in compared or not compared[station.id].judged]
    there = [(one, [asked[agent] for agent in one.stations if agent in asked]) for one in weak.known]
    rows = [_row(one, some) for one, some in there if some]
    exploited = sorted((row for row in rows if row["exploited"]), key=lambda row: row["accepted_until"] is not None)
    others = [row for row in rows if not row["exploited"] and row["accepted_until"] is None]
    accepted = [_acceptance(row, asked) for row in weak.accepted if not row.agent_id or row.agent_id in asked]
    return {
        "stations": len(asked),
        "judged": len(asked) - len(blind),
        "not_judged": hosts_of(blind, MOST_LISTED),
        "feeds": {"made_at": weak.feeds_made_at, "old": weak.feeds_old},
        "total": len(rows),
        "fixable": sum(1 for row in rows if row["fixable"]),
        "affected": len({station.id for _, some in there for station in some}),
        "exploited_total": len(exploited),
        "exploited": exploited[:MOST_EXPLOITED],
        "others": others[:MOST_OTHERS],
        "others_left_out": max(0, len(others) - MOST_OTHERS),
        "accepted_total": len(accepted),
        "accepted": accepted[:MOST_ACCEPTED],
        "left_out": sum(one.left_out for one in compared.values()),
        "changes": _changes(weak, asked),
    }


def _row(one: Known, stations: Sequence[Station]) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "severity": one.severity,
        "exploited": one.exploited,
        "fixable": one.fixable,
        "since": one.since,
        "products": dict(list(one.products.items())[:MOST_PRODUCTS]),
        "products_left_out": max(0, len(one.products) - MOST_PRODUCTS),
        "stations": len(stations),
        "hosts": hosts_of(stations, MOST_NAMED),
        "accepted_until": one.accepted.until if one.accepted is not None else None,
    }


def _acceptance(row: WeaknessAcceptance, stations: Mapping[str, Station]) -> dict[str, Any]:
    return {
        "name": row.name,
        "host": stations[row.agent_id].hostname if row.agent_id else "",
        "reason": row.reason,
        "who": row.who,
        "until": row.until,
    }


def _changes(weak: Weak, stations: Mapping[str, Station]) -> dict[str, int] | None:
    known = [agent for agent in weak.came if agent in stations]
    if not known:
        return None
    came, went = (sum(by[agent] for agent in known) for by in (weak.came, weak.went))
    return {"stations": len(known), "came": came, "went": went}
