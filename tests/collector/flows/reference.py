"""Flows counted one packet at a time with plain dictionaries: what the table must agree with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Counted:
    """What one flow came to, by end."""

    packets: dict[tuple[str, int], int] = field(default_factory=dict)
    ip_bytes: dict[tuple[str, int], int] = field(default_factory=dict)
    payload: dict[tuple[str, int], int] = field(default_factory=dict)
    first: int = 0
    last: int = 0


@dataclass(frozen=True)
class Sent:
    """One packet as the test made it."""

    at: int
    proto: int
    source: tuple[str, int]
    target: tuple[str, int]
    ip_bytes: int
    payload: int


def count(packets: list[Sent]) -> dict[tuple[int, frozenset[tuple[str, int]]], Counted]:
    """Return all flows by protocol and ends."""
    flows: dict[tuple[int, frozenset[tuple[str, int]]], Counted] = {}
    for sent in packets:
        key = sent.proto, frozenset((sent.source, sent.target))
        flow = flows.setdefault(key, Counted(first=sent.at))
        flow.last = sent.at
        for column, amount in ((flow.packets, 1), (flow.ip_bytes, sent.ip_bytes), (flow.payload, sent.payload)):
            column[sent.source] = column.get(sent.source, 0) + amount
    return flows
