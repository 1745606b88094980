"""Logs as the sensor tells them, one after another, and what analysers notice in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from appliance.detect import Engine, load_rules
from appliance.normalise import Source, normalise
from collector.analysers.model import Analyser
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value
from collector.records import wire_record
from rules import ROOT

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
BEGIN = 1_790_000_000 * SECOND
STATION, RESOLVER, FAR = "192.168.10.31", "192.168.10.5", "185.199.220.7"
_SOURCE = Source("00000000-0000-0000-0000-000000000000", 0)
_number = count()


def dns(
    at: int, query: str, *, source: str = STATION, server: str = RESOLVER, kind: str = "A", **fields: Value
) -> Entry:
    """Return a question with its answer."""
    said: dict[str, Value] = {"query": query, "qtype_name": kind, "rcode_name": "NOERROR", **fields}
    return Entry(Log("dns", at, said), f"D{next(_number)}", Flow(source, 50_000, server, 53, "udp"))


def conn(
    at: int,
    target: str = FAR,
    port: int = 443,
    *,
    source: str = STATION,
    sent: int = 900,
    got: int = 700,
    seconds: float = 0.4,
    path: str = "conn",
    uid: str = "",
    **fields: Value,
) -> Entry:
    """Return a connection; of a long one `at` is now, of one that ended its beginning, as the sensor has it."""
    said: dict[str, Value] = {
        "proto": "tcp",
        "conn_state": "SF" if path == "conn" else "S1",
        "duration": seconds,
        "orig_bytes": sent,
        "resp_bytes": got,
        "orig_ip_bytes": sent + sent // 30 + 200,
        "local_orig": source.startswith("192.168."),
        "local_resp": target.startswith("192.168."),
        **fields,
    }
    return Entry(Log(path, at, said), uid or f"C{next(_number)}", Flow(source, 50_000, target, port, "tcp"))


def notices(analyser: Analyser, entries: Iterable[Entry]) -> list[Log]:
    """Return what an analyser notices."""
    return [log for entry in entries for log in analyser.see(entry)]


def again(old: Analyser, new: Analyser) -> Analyser:
    """Return a new analyser with the memory of another, which went over JSON."""
    new.recall(json.loads(json.dumps(old.memory())))
    return new


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return Engine(load_rules([ROOT / "sigma" / "network"]))


def rules(noticed: Sequence[Log]) -> set[str]:
    """Return the names of the rules that what was noticed fires, over wire and normaliser."""
    return fired([wire_record(Entry(log, "", None)) for log in noticed])


def fired(records: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of the rules that the sensor's records fire."""
    events = [normalise(json.dumps(record).encode(), _SOURCE) for record in records]
    found = [rule.source_file for event in events for rule in _engine().match(event)]
    return {file.rpartition("/")[2].removesuffix(".yml") for file in found}
