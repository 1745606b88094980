"""A search for computers (T1018): so many addresses asked for in a short time that nobody has.

Within a network an address that nobody has is seen in ARP alone: no packet follows. Behind a router it is a ping or a
datagram without an answer. `Scan::Sweep` counts both, by address, whatever was asked for; twice as many within hours
are a slow search.

Harmless, and not noticed: who asks for computers that were there within a week and are off, a router that asks for
whom the internet tries to reach, a DHCP server that tries whether an address is free. Inventory and monitoring programs
and the search of a printer's driver look the same; they are told once in a while.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND, Learning, Quiet, Recent
from collector.analysers.cards import is_card
from collector.analysers.fields import texts
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping, newest, row
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value

WINDOW = 10 * MINUTE
MANY = 30
"""Addresses that nobody has, asked for within WINDOW: as many as network_host_sweep counts. Old settings of a station
(printers, shares and drives that are gone) are some ten."""
MANY_UNLEARNED = 60
"""The same in the first hour, when computers that are there have not all been heard."""
SLOW, MANY_SLOW = 6 * HOUR, 60
"""Addresses that nobody has, asked for within hours: twice as many as old settings bring in minutes."""
LEARN = HOUR
ANSWER = 2 * SECOND
"""The time that a computer has to answer before its address counts as nobody's."""
ALIVE = 7 * DAY
"""A computer that was heard within this time is off, not nobody."""
AGAIN = 7 * DAY
ROUTES = 20
"""Connections out of the office over a card after which it is a router's."""
BURST = 5
"""Sources told in an hour: addresses of sources can be invented."""
MOST, MOST_EACH, MOST_ALIVE, MOST_ROUTERS = 512, 512, 8192, 64
SHOWN = 5
_PINGS = frozenset({("icmp", 8), ("icmp", 128)})
_NEVER = -ALIVE
_ALL = "ff:ff:ff:ff:ff:ff"
_Asked = dict[str, int]
"""Address → when it was last asked for."""


class Sweep:
    """Remembers who was heard, and what each computer asked for lately."""

    name = "sweep"
    paths = frozenset({"arp", "conn", "dhcp"})

    def __init__(self) -> None:
        self._learning = Learning(LEARN)
        self._alive: Recent[str, int] = Recent(MOST_ALIVE)
        self._routers: Recent[str, int] = Recent(MOST_ROUTERS)
        self._servers: Recent[str, int] = Recent(MOST_ROUTERS)
        self._asked: Recent[str, _Asked] = Recent(MOST)
        self._due: dict[str, int] = {}
        self._quiet = Quiet(AGAIN, MOST_TOLD)
        self._told: list[int] = []

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log of these paths; what follows is told when computers have had time to answer."""
        self._learning.awake = True
        log = entry.log
        if log.path == "arp":
            self._neighbour(log)
        elif log.path == "dhcp":
            if "server_addr" in log.fields and {"OFFER", "ACK"}.intersection(texts(log.fields.get("msg_types"))):
                self._servers[str(log.fields["server_addr"])] = log.at
        elif entry.flow is not None:
            self._connection(entry.flow, log)
        return ()

    def tick(self, now: int) -> Iterable[Log]:
        """Tell the sources that have asked for too many addresses of nobody."""
        self._learning.tick(now)
        if not self._due:
            return ()
        ready = [source for source, at in self._due.items() if not 0 <= now - at < ANSWER]
        found: list[Log] = []
        for source in ready:
            del self._due[source]
            found += self._judged(source, now)
        return found

    def memory(self) -> Memory:
        """Return who was heard, who routes, and what was noticed."""
        return {
            "watched": self._learning.watched,
            "alive": dict(newest(self._alive, 2048)),
            "routers": dict(self._routers.items()),
            "quiet": self._quiet.memory(),
        }

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._learning.watched = int(kept["watched"])
        self._quiet.recall(kept["quiet"])
        for table, name in ((self._alive, "alive"), (self._routers, "routers")):
            for key, value in mapping(kept[name]).items():
                table[str(key)] = int(value)

    def _neighbour(self, log: Log) -> None:
        source, target = str(log.fields["src_ip"]), str(log.fields.get("dst_ip", ""))
        if source == "0.0.0.0":  # noqa: S104 - what a card says that has no address yet
            return
        self._alive[source] = log.at
        routes = (self._routers.get(str(log.fields["src_mac"])) or 0) >= ROUTES
        if log.fields["op"] == "request" and target not in {"", source} and not routes:
            self._ask(source, target, log.at)

    def _connection(self, flow: Flow, log: Log) -> None:
        fields = log.fields
        answered = bool(fields.get("resp_pkts"))
        if fields.get("local_orig"):
            self._alive[flow.orig_h] = log.at
        if not fields.get("local_resp"):
            mac = fields.get("resp_l2_addr")
            if fields.get("local_orig") and is_card(mac):
                self._routers[str(mac)] = min(ROUTES, (self._routers.get(str(mac)) or 0) + 1)
            return
        if answered:
            self._alive[flow.resp_h] = log.at
        elif fields.get("local_orig") and fields.get("resp_l2_addr") != _ALL and _is_search(flow):
            self._ask(flow.orig_h, flow.resp_h, log.at)

    def _ask(self, source: str, target: str, at: int) -> None:
        asked = row(self._asked, source, dict)
        asked.pop(target, None)
        asked[target] = at
        if len(asked) > MOST_EACH:
            del asked[next(iter(asked))]
        if len(asked) >= MANY and len(self._due) < MOST:
            self._due.setdefault(source, at)

    def _judged(self, source: str, now: int) -> Iterable[Log]:
        asked = self._asked.get(source)
        if not asked or self._servers.get(source) is not None:
            return ()
        last = max(asked.values())
        for target in [target for target, at in asked.items() if abs(last - at) > SLOW]:
            del asked[target]
        nobody = [target for target, at in asked.items() if at - (self._alive.get(target) or _NEVER) >= ALIVE]
        fast = sum(abs(last - asked[target]) <= WINDOW for target in nobody)
        enough = fast >= (MANY if self._learning.over else MANY_UNLEARNED)
        enough |= len(nobody) >= MANY_SLOW and self._learning.over
        if not enough or not self._may(source, now):
            return ()
        said: dict[str, Value] = {"src": source, "n": len(nobody), "sub": ", ".join(nobody[-SHOWN:])}
        return (notice("Scan::Sweep", last, said),)

    def _may(self, source: str, at: int) -> bool:
        self._told = [one for one in self._told if abs(at - one) < HOUR]
        if len(self._told) >= BURST or not self._quiet.may(source, at):
            return False
        self._told.append(at)
        return True


def _is_search(flow: Flow) -> bool:
    """Tell a ping or a datagram of a client's from late answers of servers."""
    return (flow.transport, flow.orig_p) in _PINGS or (flow.transport == "udp" and flow.orig_p >= 1024)
