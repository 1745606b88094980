"""`DHCP::Starvation`: so many new cards ask for addresses in a short time that none are left for the others.

After a power failure all computers ask at once, too: they are known cards, and not counted. While the sensor has not
yet seen them, only more cards count than a network of 254 addresses can hold.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from collector.analysers.bounded import DAY, HOUR, MINUTE, Learning, Quiet, Recent
from collector.analysers.cards import is_card, is_random, maker
from collector.analysers.fields import known, texts
from collector.analysers.model import Memory, notice
from collector.heads.head import Entry
from collector.protocols.model import Log, Value

WINDOW = 5 * MINUTE
MANY = 100
"""New cards in WINDOW. A full hall of guests brings some dozens of phones in so short a time; tools ask for one
address a second at the slowest, for 300."""
MANY_UNLEARNED = 254
"""The same while the sensor learns: the hosts of a network of 256 addresses."""
LEARN = DAY
AGAIN = HOUR
MOST = 4096
MOST_NEW = 512
_ASKS = frozenset({"DISCOVER", "REQUEST"})


class Starvation:
    """Remembers cards that asked before, and counts the others."""

    name = "starvation"
    paths = frozenset({"dhcp"})

    def __init__(self) -> None:
        self._learning = Learning(LEARN)
        self._known: Recent[str, int] = Recent(MOST)
        self._new: OrderedDict[str, int] = OrderedDict()
        self._storm = False
        self._quiet = Quiet(AGAIN, 16)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log of DHCP."""
        log = entry.log
        self._learning.awake = True
        mac = str(log.fields.get("mac", ""))
        if not is_card(mac) or not _ASKS.intersection(texts(log.fields.get("msg_types"))):
            return
        self._forget(log.at)
        if self._known.get(mac) is not None:
            return
        self._new.setdefault(mac, log.at)
        if len(self._new) > MOST_NEW:
            self._new.popitem(last=False)
        if len(self._new) >= (MANY if self._learning.over else MANY_UNLEARNED):
            self._storm = True
            if self._quiet.may("storm", log.at):
                yield notice("DHCP::Starvation", log.at, self._told())

    def tick(self, now: int) -> Iterable[Log]:
        """Count the time that was watched; nothing is due by time alone."""
        self._learning.tick(now)
        return ()

    def memory(self) -> Memory:
        """Return the cards that are known."""
        return {"watched": self._learning.watched, "known": list(self._known)}

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned."""
        if not isinstance(memory, dict):
            raise TypeError("starvation")
        cards = Recent[str, int](MOST, ((str(mac), 1) for mac in memory["known"]))
        self._learning.watched, self._known = int(memory["watched"]), cards

    def _forget(self, at: int) -> None:
        """Let cards that asked long enough ago become known, unless they were part of a storm."""
        while self._new and not 0 <= at - next(iter(self._new.values())) < WINDOW:
            mac, _ = self._new.popitem(last=False)
            if not self._storm:
                self._known[mac] = 1
        self._storm = self._storm and bool(self._new)

    def _told(self) -> dict[str, Value]:
        makers = sorted({maker(mac).vendor for mac in self._new} - {""})
        told: dict[str, Value] = {"src_mac": next(reversed(self._new)), "n": len(self._new)}
        told["random"] = sum(map(is_random, self._new))
        return known({**told, "vendors": makers[:8] or ""})
