"""What our sensor and Suricata (by way of our source for EVE) tell of the same flows, by community id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson

from collector.foreign.eve import Eve
from collector.protocols.model import Value

_COUNTED = ("orig_pkts", "resp_pkts", "conn_state", "service")
"""What is compared of flows that both tell once."""
_SIDES = ("orig", "resp")
_LINK = 14
"""Bytes of a packet's Ethernet header, which Suricata counts to a flow's."""
_FOREVER = 1 << 62


class Told(NamedTuple):
    """A log: its path, its flow's community id, its fields."""

    path: str
    flow: str
    fields: Mapping[str, Value]


def compare(ours: Path, eve: Path) -> None:
    """Print which logs of which flows both tell, or one of them, and which values of their flows differ."""
    mine, its = _ours(ours), _theirs(eve)
    for path in sorted({one.path for one in mine + its}):
        one, other = (Counter(log.flow for log in logs if log.path == path) for logs in (mine, its))
        both = one.keys() & other.keys()
        print(
            f"  {path}: {one.total()} logs of {len(one)} flows, Suricata's {other.total()} of {len(other)};"
            f" of {len(both)} flows both, as many logs of {sum(one[flow] == other[flow] for flow in both)}"
        )
    _values(_once(mine), _once(its))


def _values(mine: Mapping[str, Told], its: Mapping[str, Told]) -> None:
    both = mine.keys() & its.keys()
    print(f"  flows that both tell once: {len(both)}")
    known = [flow for flow in both if all(_beyond(mine[flow], its[flow], side) == 0 for side in _SIDES)]
    print(f"    bytes: the same in {len(known)} without {_LINK} of each packet's link header")
    for name in _COUNTED:
        pairs = ((mine[flow].fields.get(name), its[flow].fields.get(name)) for flow in both)
        other = Counter((one, two) if isinstance(one, str | None) else "" for one, two in pairs if one != two)
        shown = ", ".join(f"{pair[0]} – {pair[1]} {count}" for pair, count in other.most_common(8) if pair)
        print(f"    {name}: other in {other.total()}{f' ({shown})' if shown else ''}")


def _beyond(ours: Told, other: Told, side: str) -> float:
    """Return by how many bytes a side of Suricata's flow differs from ours with the headers of Ethernet."""
    packets, size = (_number(ours, f"{side}_{name}") for name in ("pkts", "ip_bytes"))
    return _number(other, f"{side}_ip_bytes") - size - _LINK * packets


def _number(told: Told, name: str) -> float:
    """Return a field that counts; 0 when it is not there."""
    value = told.fields.get(name, 0)
    return value if isinstance(value, int | float) else 0


def _once(logs: Iterable[Told]) -> dict[str, Told]:
    conns = [log for log in logs if log.path == "conn"]
    count = Counter(log.flow for log in conns)
    return {log.flow: log for log in conns if count[log.flow] == 1}


def _ours(path: Path) -> list[Told]:
    """Return our logs as they were written; of a log without a flow the community id is empty."""
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    flows = {row["uid"]: row["community_id"] for row in rows if row["_path"] == "conn"}
    return [Told(row["_path"], flows.get(row.get("uid", ""), ""), row) for row in rows]


def _theirs(path: Path) -> list[Told]:
    reader = Eve()
    found = [entry for line in path.read_bytes().splitlines() for entry in reader.read(orjson.loads(line))]
    found += reader.waited(_FOREVER)
    return [Told(entry.log.path, str(entry.log.fields.get("community_id", "")), entry.log.fields) for entry in found]
