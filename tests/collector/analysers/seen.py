"""Packets and logs shown to analysers, and what these notice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from collector.analysers.model import Analyser
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import NOON, SECOND, batch

START = NOON // 1000
"""The time of the first log, in microseconds."""
FLOW = Flow("10.0.0.5", 50_000, "10.0.0.1", 443, "tcp")


def entry(path: str, at: int, flow: Flow | None = None, /, **fields: Value) -> Entry:
    """Return a log `at` microseconds after START."""
    return Entry(Log(path, START + at, fields), "C1" if flow else "", flow)


def arp(at: int, ip: str, mac: str, op: str = "reply", **fields: Value) -> Entry:
    """Return the log of a card that says whose address it has."""
    return entry("arp", at, op=op, src_ip=ip, src_mac=mac, dst_ip="10.0.0.99", dst_mac="02:00:00:00:00:99", **fields)


def notices(analyser: Analyser, entries: Iterable[Entry]) -> list[Mapping[str, Value]]:
    """Return the fields of what an analyser notices in logs; time goes by with them."""
    found: list[Log] = []
    for one in entries:
        found += analyser.see(one)
        found += analyser.tick(one.log.at)
    assert all(log.path == "notice" for log in found)
    return [log.fields for log in found]


def notes(analyser: Analyser, entries: Iterable[Entry]) -> list[Value]:
    """Return only the names of what is noticed."""
    return [fields["note"] for fields in notices(analyser, entries)]


def watched(analysers: Sequence[Analyser], packets: Sequence[Any], apart: float = 0.001) -> list[Mapping[str, Value]]:
    """Return the fields of what is noticed in packets that are `apart` seconds from each other, one a batch."""
    watch = Watch(PROTOCOLS, analysers=analysers)
    found: list[Entry] = []
    for number, packet in enumerate(packets):
        found += watch.take(batch([packet], [NOON + int(number * apart * SECOND)]))
    found += watch.finish()
    return [one.log.fields for one in found if one.log.path == "notice"]
