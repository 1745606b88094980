"""Who asks DNS for itself: a name server asks upwards what the office's computers asked it."""

from __future__ import annotations

from collector.analysers.bounded import Recent
from collector.protocols.model import Flow

#: Ports on which neighbours ask each other (mDNS, LLMNR, NetBIOS): no registered names there.
NEIGHBOURS = frozenset({137, 5353, 5355})


class Askers:
    """Tells a question of a computer from the same one that its name server asks on."""

    def __init__(self) -> None:
        self._servers: Recent[str, bool] = Recent(1024)
        self._asked: Recent[str, bool] = Recent(8192)

    def of_its_own(self, flow: Flow, domain: str) -> bool:
        """Take a question for a name in a domain; tell whether it is not one that a name server passes on."""
        self._servers[flow.resp_h] = True
        if flow.orig_h not in self._servers:
            self._asked[domain] = True
            return True
        return domain not in self._asked
