"""What an analyser is told, and what it tells.

An analyser sees logs as they are told, of all flows, and keeps bounded state about hosts. It knows no sockets, files or
clocks: time is that of the logs and of the ticks. What it notices is a log `notice` with Zeek's fields: `note` names it
(`Scan::Port_Scan`), `src` and `dst` are the addresses it is about, `n` is how many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from typing import Protocol as Interface

from collector.heads.head import Entry
from collector.protocols.model import Log, Value

Memory = dict[str, Any] | list[Any] | None
"""What outlives a restart of the sensor: values of JSON."""


class Analyser(Interface):
    """One analyser. Its state is bounded; it forgets first what it has not seen for longest."""

    name: str
    paths: frozenset[str]
    """Names of the logs that it wants to see."""

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log; return what follows from it. Nearly in the order of time: a flow's log comes when it ends."""

    def tick(self, now: int) -> Iterable[Log]:
        """Return what is due at a time, in microseconds of Unix time, though nothing was seen."""

    def memory(self) -> Memory:
        """Return what should outlive a restart; None when there is nothing."""

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned before the restart. Raises ValueError or TypeError when it is not that."""


def notice(note: str, at: int, fields: dict[str, Value]) -> Log:
    """Return the log of what was noticed at a time, in microseconds of Unix time."""
    return Log("notice", at, {"note": note, **fields})
