"""Shows each log to the analysers that want to see it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from collector.analysers.model import Analyser, Memory
from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.slices.claim import claim_of

LOG = logging.getLogger(__name__)


class Analysis:
    """All analysers of one stream of logs."""

    def __init__(self, analysers: Iterable[Analyser]) -> None:
        self._analysers = {one.name: one for one in analysers}
        self._wanted: defaultdict[str, list[Analyser]] = defaultdict(list)
        for one in self._analysers.values():
            for path in sorted(one.paths):
                self._wanted[path].append(one)
        self.faults = 0
        """Faults of analysers that none may have; such a one goes on with the next log."""

    def see(self, entry: Entry) -> Sequence[Entry]:
        """Return what follows from a log. It belongs to that log's flow; who claims an address has a uid of its own."""
        noticed: list[Log] = []
        for one in self._wanted.get(entry.log.path, ()):
            try:
                noticed += tuple(one.see(entry))
            except Exception:  # an analyser's fault must not end the sensor
                LOG.exception("analyser_fault analyser=%s", one.name)
                self.faults += 1
        return [Entry(log, _uid(log) or entry.uid, entry.flow) for log in noticed] if noticed else ()

    def tick(self, now: int) -> Iterator[Entry]:
        """Yield what is due at a time, in microseconds of Unix time."""
        for one in self._analysers.values():
            try:
                found = tuple(one.tick(now))
            except Exception:  # an analyser's fault must not end the sensor
                LOG.exception("analyser_fault analyser=%s", one.name)
                self.faults += 1
                continue
            for log in found:
                yield Entry(log, "", None)

    def memory(self) -> dict[str, Memory]:
        """Return what should outlive a restart, by the analyser's name."""
        return {name: memory for name, one in self._analysers.items() if (memory := one.memory()) is not None}

    def recall(self, memory: Mapping[str, Memory]) -> None:
        """Take what `memory` returned; an analyser that cannot read its own begins anew."""
        for name, one in self._analysers.items():
            if name not in memory:
                continue
            try:
                one.recall(memory[name])
            except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
                LOG.warning("analyser_memory_unreadable analyser=%s", name)
                self.faults += 1


def _uid(log: Log) -> str:
    """Return the name of the frames that a notice is about, empty where they are those of a flow."""
    claim = claim_of(log)
    return "" if claim is None else claim.uid
