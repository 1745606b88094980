"""A search for open doors that takes its time (T1046, T1018): many computers and ports tried in vain over a day.

Correlations find a scan of minutes; this one remembers a day. A pair of computer and port counts when the attempt
failed and the source has not reached it lately: a program that looks after computers finds them off at night, but it
reached them by day. Port scan and sweep are one notice a source and day. Sources that tried little wait in a table of
their own, so a flood with invented sources pushes out none that tried more; and no more than BURST sources are told
in an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from collector.analysers.bounded import DAY, HOUR, MINUTE, Quiet, Recent
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping, newest, row
from collector.analysers.targets import carried
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value

WINDOW = DAY
PAIRS = 40
"""Pairs within the window. Settings of another network, printers and neighbours that are off are some ten."""
FAILED = frozenset({"S0", "REJ", "RSTOS0", "RSTRH", "SH"})
"""Ends of attempts that nobody answered or that were refused."""
FEW = 4
"""Pairs from which on a source is no longer among those that tried little."""
BURST = 5
"""Sources told in an hour: so many stations do not begin to search at once, a flood with invented sources does."""
PORT_SCAN, SWEEP = (25, 5 * MINUTE), (30, 10 * MINUTE)
"""What network_port_scan and network_host_sweep count, and in which time: a fast scan is theirs to report."""
MOST_FEW, MOST_MANY = 4096, 512
MOST_PAIRS = 128
MOST_REACHED = 32_768
MOST_REMEMBERED = 64
SHOWN = 5
_Pairs = dict[str, int]
"""`address port` → when it last failed."""


class SlowScan:
    """Notices `Scan::Slow`."""

    name = "slow_scan"
    paths = frozenset({"conn"})

    def __init__(self) -> None:
        self._few: Recent[str, _Pairs] = Recent(MOST_FEW)
        self._many: Recent[str, _Pairs] = Recent(MOST_MANY)
        self._reached: Recent[int, bool] = Recent(MOST_REACHED)
        self._successes: Recent[str, set[int]] = Recent(MOST_MANY)
        self._quiet = Quiet(DAY, MOST_TOLD)
        self._told: list[int] = []

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a connection."""
        flow, fields = entry.flow, entry.log.fields
        if flow is None or flow.transport != "tcp" or not fields.get("local_orig") or not fields.get("local_resp"):
            return ()
        mark = hash((flow.orig_h, flow.resp_h, flow.resp_p))
        if str(fields.get("conn_state")) not in FAILED:
            if carried(entry, "resp"):
                self._reach(flow, mark)
            return ()
        if self._reached.get(mark):
            return ()
        at, source = entry.log.at, flow.orig_h
        pairs = self._tried(source, f"{flow.resp_h} {flow.resp_p}", at)
        if len(pairs) < PAIRS:
            return ()
        _forget(pairs, at)
        # What it reached it was meant to reach; a search mostly fails.
        enough = len(pairs) >= PAIRS and len(self._successes.get(source) or ()) < len(pairs)
        enough = enough and not _fast(pairs, at)
        return [_notice(source, pairs, at)] if enough and self._may(source, at) else ()

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return what the sources that tried most tried, and what was noticed."""
        kept = [(source, list(pairs.items())[-PAIRS:]) for source, pairs in newest(self._many, MOST_REMEMBERED)]
        return {"tried": {source: dict(last) for source, last in kept}, "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._quiet.recall(kept.get("quiet", []))
        for source, pairs in list(mapping(kept.get("tried", {})).items())[:MOST_REMEMBERED]:
            self._many[str(source)] = _recalled(pairs)

    def _reach(self, flow: Flow, mark: int) -> None:
        """Remember that a source reached a door; what it tried there before was no search."""
        self._reached[mark] = True
        for table in (self._many, self._few):
            pairs = table.get(flow.orig_h)
            if pairs is not None:
                pairs.pop(f"{flow.resp_h} {flow.resp_p}", None)
        if flow.orig_h in self._many:
            marks = row(self._successes, flow.orig_h, set)
            if len(marks) < MOST_PAIRS:
                marks.add(mark)

    def _tried(self, source: str, pair: str, at: int) -> _Pairs:
        """Return all pairs that a source tried in vain, this one among them."""
        pairs = self._many.get(source)
        if pairs is None:
            pairs = row(self._few, source, dict)
        # A pair that is tried again moves behind those that were not, so that the oldest are always first.
        pairs.pop(pair, None)
        pairs[pair] = at
        if len(pairs) > MOST_PAIRS:
            del pairs[next(iter(pairs))]
        if len(pairs) >= FEW and self._few.pop(source) is not None:
            self._many[source] = pairs
        return pairs

    def _may(self, source: str, at: int) -> bool:
        self._told = [one for one in self._told if abs(at - one) < HOUR]
        if len(self._told) >= BURST or not self._quiet.may(source, at):
            return False
        self._told.append(at)
        return True


def _forget(pairs: _Pairs, now: int) -> None:
    for pair in [pair for pair, at in pairs.items() if abs(now - at) > WINDOW]:
        del pairs[pair]


def _fast(pairs: _Pairs, now: int) -> bool:
    """Tell whether the correlations of scans see this one."""
    ports, hosts = Counter[str](), Counter[str]()
    for pair, at in pairs.items():
        host, _, port = pair.partition(" ")
        hosts[host] += abs(now - at) <= PORT_SCAN[1]
        ports[port] += abs(now - at) <= SWEEP[1]
    return max(hosts.values()) >= PORT_SCAN[0] or max(ports.values()) >= SWEEP[0]


def _notice(source: str, pairs: _Pairs, at: int) -> Log:
    parts = [pair.split(" ") for pair in pairs]
    hosts, ports = {host for host, _ in parts}, {port for _, port in parts}
    said: dict[str, Value] = {"hosts": len(hosts), "ports": len(ports), "sub": ", ".join(list(pairs)[-SHOWN:])}
    one = {"dst": parts[0][0]} if len(hosts) == 1 else {}
    return notice("Scan::Slow", at, {"src": source, **one, "n": len(pairs), **said})


def _recalled(memory: Any) -> _Pairs:
    pairs = {str(pair): int(at) for pair, at in list(mapping(memory).items())[-MOST_PAIRS:]}
    if any(pair.count(" ") != 1 for pair in pairs):
        raise ValueError(len(pairs))
    return pairs
