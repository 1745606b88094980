"""Two machines under one certificate: a station that was copied together with its agent.

A batch's key begins with the boot and the spool that it comes from. One machine goes from one to the next and never
back, whatever restarts or is installed anew; two that send by turns go to and fro.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

MOST_AGENTS = 10_000
MOST_STREAMS = 16
"""Of one agent that are remembered."""
RETURNS = 2
"""Ways back after which it is no chance: a machine that was set back to a snapshot goes back once."""


@dataclass(slots=True)
class _Seen:
    now: str = ""
    before: OrderedDict[str, None] = field(default_factory=OrderedDict)
    returns: int = 0


class Streams:
    """What each agent's batches came from. Safe between threads; a restart begins anew, which only takes longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._agents: OrderedDict[str, _Seen] = OrderedDict()

    def two(self, agent: str, key: str) -> bool:
        """Note a batch's key; tell whether two machines send by turns. Keys of another form say nothing."""
        boot, _, rest = key.partition(":")
        spool, found, _ = rest.partition(":")
        if not found:
            return False
        with self._lock:
            seen = self._agents.setdefault(agent, _Seen())
            self._agents.move_to_end(agent)
            while len(self._agents) > MOST_AGENTS:
                self._agents.popitem(last=False)
            return self._take(agent, seen, f"{boot}:{spool}")

    def _take(self, agent: str, seen: _Seen, stream: str) -> bool:
        if stream == seen.now:
            return False
        if stream in seen.before:
            del seen.before[stream]
            seen.returns += 1
        if seen.now:
            seen.before[seen.now] = None
        while len(seen.before) > MOST_STREAMS:
            seen.before.popitem(last=False)
        seen.now = stream
        if seen.returns < RETURNS:
            return False
        del self._agents[agent]  # after a decision it takes as much again
        return True
