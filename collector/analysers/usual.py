"""`Device::Outside_Usual`: a device that does one thing does another one.

Printers, cameras, desk phones, terminals (queues, payments) and controllers speak with the same few for years. Of each,
the services it asks for and whom it asks are remembered; a service it never asked for, a new partner of a service that
has few, and the way out of the office where it had none are noticed. What all devices do (names, time, addresses,
announcements) does not count; neither do answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from collector.analysers.bounded import DAY, Learning, Recent
from collector.analysers.cards import maker
from collector.analysers.devices import Device
from collector.analysers.fields import Fields, ended, known
from collector.analysers.model import Memory, notice
from collector.analysers.ports import purpose
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value

LEARN = 7 * DAY
"""Time watched, and time since the device first spoke, before anything is noticed: a week of its work."""
MOST = 256
"""Devices."""
MOST_SERVICES, MOST_PARTNERS = 16, 4
"""Services of a device and partners of a service. Who asks for more has no usual."""
SEVERAL = 3
"""A service with so many partners inside is one that gets new ones: a printer scans to stations, phones call phones."""
MOST_A_DAY = 5
"""Notices of one device a day: a camera that searches the network says so with the first ones."""
KINDS = frozenset({"printer", "camera", "phone", "terminal", "controller"})
OUTSIDE = "outside"
"""All partners outside the office count as one: makers' clouds have many addresses."""
_HIGH = 10_000
"""UDP ports from here on count as one service: media take any (RFC 3550)."""
_EPHEMERAL = 32_768
_EVERYBODY = frozenset({53, 67, 68, 123, 137, 138, 161, 162, 514, 546, 547, 1900, 3702, 5353, 5355})
"""DNS, DHCP, NTP, NetBIOS, SNMP, syslog, SSDP, WS-Discovery, multicast DNS, LLMNR."""
_Usual = tuple[int, dict[str, list[str]]]


class Usual:
    """Remembers what devices of one purpose do."""

    name = "usual"
    paths = frozenset({"conn"})

    def __init__(self, device: Callable[[str], Device | None]) -> None:
        """Ask `device` what stands behind an address."""
        self._device = device
        self._learning = Learning(LEARN)
        self._usual: Recent[str, _Usual] = Recent(MOST)
        self._told: Counter[str] = Counter()
        self._day = 0

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take the log of a connection."""
        self._learning.awake = True
        flow, fields = entry.flow, entry.log.fields
        if flow is None or not fields.get("local_orig"):
            return ()
        device = self._device(flow.orig_h)
        if device is None or device.kind not in KINDS or not _asks(flow, fields):
            return ()
        return self._asked(ended(entry.log), device, flow, fields)

    def _asked(self, at: int, device: Device, flow: Flow, fields: Fields) -> Iterable[Log]:
        since, services = self._usual.get(device.mac) or (at, {})
        self._usual[device.mac] = (since, services)
        service, partner = _service(flow), flow.resp_h if fields.get("local_resp") else OUTSIDE
        what = _unusual(services, service, partner)
        _add(services, service, partner)
        if what and self._learning.over and at - since >= LEARN and self._may(device.mac, at):
            yield notice("Device::Outside_Usual", at, _fields(flow, device, what, partner))

    def tick(self, now: int) -> Iterable[Log]:
        """Count the time that was watched; nothing is due by time alone."""
        self._learning.tick(now)
        return ()

    def memory(self) -> Memory:
        """Return what devices do."""
        rows = [[mac, since, services] for mac, (since, services) in self._usual.items()]
        return {"watched": self._learning.watched, "usual": rows}

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned."""
        if not isinstance(memory, dict):
            raise TypeError("usual")
        usual = Recent[str, _Usual](MOST, map(_row, memory["usual"]))
        self._learning.watched, self._usual = int(memory["watched"]), usual

    def _may(self, mac: str, at: int) -> bool:
        if at // DAY != self._day:
            self._day = at // DAY
            self._told.clear()
        self._told[mac] += 1
        return self._told[mac] <= MOST_A_DAY


def _asks(flow: Flow, fields: Fields) -> bool:
    """Tell whether a device began this by itself, and with one partner."""
    if flow.resp_p in _EVERYBODY or flow.resp_h.startswith(("ff", "255.")) or flow.resp_h.endswith(".255"):
        return False
    first = flow.resp_h.partition(".")[0]
    if first.isdigit() and 224 <= int(first) <= 239:
        return False
    if flow.transport == "tcp":
        return str(fields.get("history", "")).startswith("S")
    # A datagram from a service to a port that was chosen at random is an answer whose question was not seen.
    return flow.transport == "udp" and not (flow.orig_p < _HIGH and flow.resp_p >= _EPHEMERAL)


def _service(flow: Flow) -> str:
    return f"{flow.transport}/{'high' if flow.transport == 'udp' and flow.resp_p >= _HIGH else flow.resp_p}"


def _unusual(services: Mapping[str, list[str]], service: str, partner: str) -> str:
    """Return what is new: `service`, `partner`, `outside`; empty when nothing is."""
    partners = services.get(service)
    if partners is None:
        return "service" if len(services) < MOST_SERVICES else ""
    if partner in partners:
        return ""
    if partner == OUTSIDE:
        return OUTSIDE
    return "partner" if len(set(partners) - {OUTSIDE}) < SEVERAL else ""


def _add(services: dict[str, list[str]], service: str, partner: str) -> None:
    if service not in services and len(services) >= MOST_SERVICES:
        return
    partners = services.setdefault(service, [])
    if partner not in partners:
        # The way out is never forgotten, the oldest of the others is.
        partners[:] = [one for one in partners if one == OUTSIDE] + [one for one in partners if one != OUTSIDE]
        partners.append(partner)
        if len(partners) > MOST_PARTNERS:
            del partners[1 if partners[0] == OUTSIDE else 0]


def _fields(flow: Flow, device: Device, what: str, partner: str) -> dict[str, Value]:
    told: dict[str, Value] = {"src": flow.orig_h, "src_mac": device.mac, "dst": flow.resp_h, "p": flow.resp_p}
    told.update(proto=flow.transport, kind=device.kind, vendor=maker(device.mac).vendor, name=device.name)
    told.update(unusual=what, outside=True if partner == OUTSIDE else "")
    return known({**told, "purpose": purpose(flow.resp_p) if flow.transport == "tcp" else ""})


def _row(row: Any) -> tuple[str, _Usual]:
    mac, since, services = row
    return str(mac), (int(since), {str(one): [str(name) for name in names] for one, names in services.items()})
