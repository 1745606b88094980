"""`Service::Appeared`: a computer inside answers on a TCP port on which it never answered before.

Harmless, and not noticed: ports that Windows opens by itself, ports that programs choose anew at each start, computers
on which everything answers (decoys, and firewalls that answer for others).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from collector.analysers.bounded import DAY, Learning, Recent
from collector.analysers.devices import Device
from collector.analysers.fields import Fields, ended, known
from collector.analysers.model import Memory, notice
from collector.analysers.ports import OTHER, purpose
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value

LEARN = 7 * DAY
"""Time watched, and time since a computer was first seen, before anything is noticed: a week of its work."""
MOST = 1024
"""Computers; one that has another card under its address is another."""
MOST_PORTS = 32
"""Ports of a computer. Who answers on more answers on all."""
MOST_A_DAY = 3
"""Notices of one computer a day: the first ones tell what is going on."""
EPHEMERAL = 32_768
"""Ports from here on are given to programs at random (Linux; Windows from 49152): only those with a meaning count."""
_ORDINARY = frozenset({135, 139, 445, 2869, 5040, 5357, 5358, 7680})
"""Windows serves these anywhere: RPC, NetBIOS, SMB, UPnP, CDPSvc, WSD twice, Delivery Optimization."""
ANSWERED = frozenset({"S1", "SF", "S2", "S3", "RSTO", "RSTR"})
"""States of connections that were accepted (Zeek's conn_state)."""


class Services:
    """Remembers the ports on which computers inside answer."""

    name = "services"
    paths = frozenset({"conn"})

    def __init__(self, device: Callable[[str], Device | None]) -> None:
        """Ask `device` what stands behind an address."""
        self._device = device
        self._learning = Learning(LEARN)
        self._hosts: Recent[str, tuple[int, set[int]]] = Recent(MOST)
        self._told: Counter[str] = Counter()
        self._day = 0

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take the log of a connection."""
        self._learning.awake = True
        flow, fields = entry.flow, entry.log.fields
        if flow is None or flow.transport != "tcp" or not fields.get("local_resp"):
            return ()
        if fields.get("conn_state") not in ANSWERED or flow.resp_p in _ORDINARY:
            return ()
        if flow.resp_p >= EPHEMERAL and purpose(flow.resp_p) == OTHER:
            return ()
        return self._served(ended(entry.log), flow, fields)

    def _served(self, at: int, flow: Flow, fields: Fields) -> Iterable[Log]:
        host = f"{flow.resp_h} {fields.get('resp_l2_addr', '')}".strip()
        since, ports = self._hosts.get(host) or (at, set())
        if flow.resp_p in ports or len(ports) >= MOST_PORTS:
            return
        self._hosts[host] = (since, ports)
        before = sorted(ports)
        ports.add(flow.resp_p)
        if self._learning.over and at - since >= LEARN and self._may(host, at):
            yield notice("Service::Appeared", at, self._fields(flow, fields, before))

    def tick(self, now: int) -> Iterable[Log]:
        """Count the time that was watched; nothing is due by time alone."""
        self._learning.tick(now)
        return ()

    def memory(self) -> Memory:
        """Return the computers and their ports."""
        rows = [[host, since, sorted(ports)] for host, (since, ports) in self._hosts.items()]
        return {"watched": self._learning.watched, "hosts": rows}

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned."""
        if not isinstance(memory, dict):
            raise TypeError("services")
        rows = ((str(host), (int(since), set(map(int, ports)))) for host, since, ports in memory["hosts"])
        hosts = Recent[str, tuple[int, set[int]]](MOST, rows)
        self._learning.watched, self._hosts = int(memory["watched"]), hosts

    def _may(self, host: str, at: int) -> bool:
        if at // DAY != self._day:
            self._day = at // DAY
            self._told.clear()
        self._told[host] += 1
        return self._told[host] <= MOST_A_DAY

    def _fields(self, flow: Flow, fields: Fields, before: list[int]) -> dict[str, Value]:
        device = self._device(flow.resp_h)
        told: dict[str, Value] = {"src": flow.orig_h, "dst": flow.resp_h, "p": flow.resp_p}
        told.update(purpose=purpose(flow.resp_p), service=fields.get("service", ""), known_ports=before[:16] or "")
        if device is not None:
            told.update(kind=device.kind, name=device.name)
        return known(told)
