"""Reads sources through one host, each once a round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.inventory.raw import Raw, Raws, Source

Reader = Callable[[Any], Raw]
Host = Mapping[type, Reader]
"""How this host reads each kind of source; a kind that it has not is absent."""


class Gatherer:
    """One round's readings."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._read: dict[tuple[type, Source], Raw] = {}

    def raws(self, sources: Mapping[str, Source]) -> Raws:
        """Read what is named; a source that was read in this round is not read again."""
        return Raws({name: self._one(source) for name, source in sources.items()})

    def _one(self, source: Source) -> Raw:
        place = (type(source), source)
        if place not in self._read:
            reader = self._host.get(type(source))
            self._read[place] = Raw(None, "absent") if reader is None else reader(source)
        return self._read[place]
