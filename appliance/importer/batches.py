"""Records to batches that the gateway takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.wire.envelope import pack
from agent.wire.limits import MAX_BODY, MAX_RECORDS

TARGET_RECORDS = MAX_RECORDS // 2
TARGET_BYTES = 4 << 20
"""Bytes of records after which a batch is closed; incompressible ones still stay below the wire's bounds."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One batch: its key, its body, how many records it holds."""

    key: str
    body: bytes
    records: int


def batches(lines: Iterable[bytes], run: str) -> Iterator[Outgoing]:
    """Yield batches of encoded records, with the keys `import:RUN:NUMBER`.

    `run` is new for each import: a repeated send within one run is recognised by its key, while a file that is
    imported a second time is looked at event by event, so that "already known" is counted.
    """
    number = 0
    for group in _groups(lines):
        for part in _fitting(group):
            yield Outgoing(f"import:{run}:{number}", pack(part), len(part))
            number += 1


def _groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for line in lines:
        if group and (len(group) >= TARGET_RECORDS or size + len(line) > TARGET_BYTES):
            yield group
            group, size = [], 0
        group.append(line)
        size += len(line) + 1
    if group:
        yield group


def _fitting(group: list[bytes]) -> Iterator[list[bytes]]:
    """Halve a group until its body fits; one record always does (MAX_RECORD is half of MAX_BODY)."""
    if len(group) == 1 or len(pack(group)) <= MAX_BODY:
        yield group
        return
    middle = len(group) // 2
    yield from _fitting(group[:middle])
    yield from _fitting(group[middle:])
