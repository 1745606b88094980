"""The settings of stations in a report. Pure: verdicts in, JSON-ready values out.

An unknown is counted by itself and never as in order; a station that said nothing in the period is not counted at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.wire.posture import RESULTS
from appliance.report.stations import MOST_LISTED, MOST_NAMED, Station, hosts_of
from appliance.stations.history import Verdict
from appliance.stations.kinds import system_of

MOST_FINDINGS, MOST_UNKNOWN, MOST_CHANGES = 15, 10, 12
"""Rows of each table."""
By = Mapping[tuple[str, str], Verdict]
"""Verdicts by agent and check."""
_CHANGED = {
    ("fail", "pass"): "mended",
    ("pass", "fail"): "broken",
    ("pass", "unknown"): "unseen",
    ("fail", "unknown"): "unseen",
    ("unknown", "pass"): "seen",
    ("unknown", "fail"): "seen",
}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What stations said at the period's end and at its start, and how much each check counts."""

    at_end: By = field(default_factory=dict)
    at_start: By = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)


def posture_data(stations: Sequence[Station], verdicts: Verdicts, start: int) -> dict[str, Any]:
    """Return what the report says of settings; `changes` is null where no station was known at the start."""
    asked = [station for station in stations if station.judged]
    telling = {agent for agent, _ in verdicts.at_end}
    looked = {station.id: station for station in asked if station.id in telling and any(station.hourly)}
    unseen = [station for station in asked if station.id not in looked]
    said = {key: verdict for key, verdict in verdicts.at_end.items() if key[0] in looked}
    counts = Counter(verdict.result for verdict in said.values())
    old = {station.id for station in looked.values() if station.enrolled_at < start}
    before = {key: verdict for key, verdict in verdicts.at_start.items() if key[0] in old}
    return {
        "stations": len(asked),
        "looked_at": len(looked),
        "not_looked_at": hosts_of(unseen, MOST_LISTED),
        "checks": {result: counts[result] for result in RESULTS},
        **_listed("findings", _failing(said, looked, verdicts.weights), MOST_FINDINGS),
        **_listed("unknown", _unknown(said, verdicts.weights), MOST_UNKNOWN),
        "changes": _changes(before, said) if before else None,
    }


def _listed(name: str, rows: list[dict[str, Any]], most: int) -> dict[str, Any]:
    return {name: rows[:most], f"{name}_left_out": max(0, len(rows) - most)}


def _failing(said: By, stations: Mapping[str, Station], weights: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what is not in order by check, reason and system: what weighs most over all stations first."""
    groups: dict[tuple[str, str, str], list[Station]] = defaultdict(list)
    for (agent, check), verdict in said.items():
        if verdict.result == "fail":
            groups[check, verdict.reason, system_of(stations[agent].os)].append(stations[agent])

    def heavy(group: tuple[str, str, str]) -> tuple[int, int, tuple[str, str, str]]:
        weight = weights.get(group[0], 1)
        return -weight * len(groups[group]), -weight, group

    return [
        {
            "check": group[0],
            "reason": group[1],
            "system": group[2],
            "stations": len(groups[group]),
            "hosts": hosts_of(groups[group], MOST_NAMED),
        }
        for group in sorted(groups, key=heavy)
    ]


def _unknown(said: By, weights: Mapping[str, int]) -> list[dict[str, Any]]:
    groups = Counter((check, one.reason) for (_, check), one in said.items() if one.result == "unknown")
    order = sorted(groups, key=lambda group: (-weights.get(group[0], 1) * groups[group], group))
    return [{"check": check, "reason": reason, "stations": groups[check, reason]} for check, reason in order]


def _changes(before: By, after: By) -> dict[str, Any]:
    """Compare what is known on both sides."""
    by_check: dict[str, Counter[str]] = defaultdict(Counter)
    both = before.keys() & after.keys()
    for key in both:
        kind = _CHANGED.get((before[key].result, after[key].result))
        if kind is not None:
            by_check[key[1]][kind] += 1
    whole = sum(by_check.values(), Counter[str]())
    rows: list[dict[str, Any]] = [{"check": check, **_counted(counts)} for check, counts in sorted(by_check.items())]
    rows.sort(key=lambda row: (-row["broken"], -row["mended"], -row["unseen"]))
    return {"stations": len({agent for agent, _ in both}), **_counted(whole), **_listed("by_check", rows, MOST_CHANGES)}


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: counts.get(kind, 0) for kind in ("mended", "broken", "unseen", "seen")}
