"""Which devices are in the office's network, and which are new.

`Device::New`: a card that was never seen, with its maker and a guess of what it is, told a little later than it comes
so that it has said something by then. `Device::Name_Changed`: a card gives DHCP another host name than ever before.

Harmless, and not noticed: names that installers give and later replace, an adapter or a docking station that goes from
laptop to laptop (it has had several names), names of telephones, which their owners choose. Cards of telephones that
make up a new address are told as such (`random`); a rule passes over them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from collector.analysers import kinds
from collector.analysers.bounded import DAY, MINUTE, Learning, Recent
from collector.analysers.cards import is_card, is_random, is_shared, maker
from collector.analysers.fields import Fields, known, texts
from collector.analysers.model import Memory, notice
from collector.heads.head import Entry
from collector.protocols.model import Log, Value

LEARN = 7 * DAY
"""Time watched before anything is noticed: a week shows who works on one day of it only."""
PATIENCE = 2 * MINUTE
"""Between the first sight of a card and its notice: a device that starts asks DHCP and announces itself in seconds."""
MOST = 2048
"""Cards that are remembered: forty times an office of fifty desks."""
MOST_NEW = 256
"""New cards that wait for their notice."""
MOST_A_DAY = 50
"""Notices of new cards a day; a flood of made-up cards neither floods the operators nor drives out known ones."""
NAMES = 4
"""Names of a card that are remembered. A card with three is passed from computer to computer."""
_SHARED_NAMES = 3
_GIVEN = re.compile(r"(desktop|laptop|win|minint|mininst|ubuntu|debian|localhost|raspberrypi|setup)(-[a-z0-9]+)?")
"""Names that Windows' and Linux' installers give."""
_ASKS = frozenset({"DISCOVER", "REQUEST", "INFORM"})
_NEITHER = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what a card says that has no address yet
_ANSWERED = frozenset({"S1", "SF", "S2", "S3", "RSTO", "RSTR"})


@dataclass(slots=True)
class Device:
    """A card and what its device has said."""

    mac: str
    first: int
    ip: str = ""
    names: list[str] = field(default_factory=list)
    announced: str = ""
    clues: kinds.Clues = field(default_factory=dict)
    kind: str = field(init=False)
    """What it seems to be; empty when nothing says it."""

    def __post_init__(self) -> None:
        self.kind = kinds.guess(self.clues)

    def says(self, clues: Iterable[tuple[str, str]]) -> None:
        """Take clues of what it is; a newer one of a sort replaces the older."""
        new = {clue: kind for clue, kind in clues if self.clues.get(clue) != kind}
        if new:
            self.clues.update(new)
            self.kind = kinds.guess(self.clues)

    @property
    def name(self) -> str:
        """Its newest name."""
        return self.names[-1] if self.names else self.announced


class Devices:
    """Remembers the cards of the network and what they are."""

    name = "devices"
    paths = frozenset({"arp", "nd", "dhcp", "dns", "ssdp", "lldp", "cdp", "conn"})

    def __init__(self) -> None:
        self._learning = Learning(LEARN)
        self._devices: Recent[str, Device] = Recent(MOST)
        self._new: dict[str, Device] = {}
        self._cards: Recent[str, str] = Recent(2 * MOST)
        self._day = self._told_today = 0

    def device(self, ip: str) -> Device | None:
        """Return the known device that has this address."""
        return self._devices.get(self._cards.get(ip) or "")

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log of these paths."""
        log, fields = entry.log, entry.log.fields
        self._learning.awake = True
        match log.path:
            case "arp" | "nd":
                self._sighted(log.at, str(fields["src_mac"]), str(fields["src_ip"]))
            case "dhcp" if "mac" in fields:
                yield from self._asked(log.at, fields)
            case "dns" if entry.flow is not None and entry.flow.orig_p in {137, 5353}:
                self._announced(entry.flow.orig_h, fields)
            case "ssdp" if entry.flow is not None and fields["method"] != "M-SEARCH":
                device = self._by_ip(entry.flow.orig_h)
                if device is not None:
                    device.says(kinds.by_upnp(str(fields.get("target", ""))))
            case "lldp" | "cdp":
                # Each port of a switch has a card of its own: such a frame alone makes nobody known.
                mac = str(fields["src_mac"])
                if (device := self._devices.get(mac) or self._new.get(mac)) is not None:
                    device.says(kinds.by_capabilities(texts(fields.get("capabilities"))))
            case "conn" if entry.flow is not None and fields.get("local_resp"):
                kind = kinds.by_port(entry.flow.resp_p)
                device = self._by_ip(entry.flow.resp_h) if kind and fields.get("conn_state") in _ANSWERED else None
                if device is not None and entry.flow.transport == "tcp":
                    device.says([("port", kind)])

    def tick(self, now: int) -> Iterable[Log]:
        """Tell the new cards that had their time to say what they are; count the time that was watched."""
        self._learning.tick(now)
        while self._new:
            device = next(iter(self._new.values()))
            if now - device.first < PATIENCE:
                return
            del self._new[device.mac]
            if device.first // DAY != self._day:
                self._day, self._told_today = device.first // DAY, 0
            self._told_today += 1
            if self._told_today <= MOST_A_DAY:
                self._devices[device.mac] = device
                yield notice("Device::New", device.first + PATIENCE, _told(device))

    def memory(self) -> Memory:
        """Return the devices; those that wait for their notice are seen again."""
        rows = [[one.mac, one.first, one.ip, one.names, one.announced, one.clues] for _, one in self._devices.items()]
        return {"watched": self._learning.watched, "devices": rows}

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned."""
        if not isinstance(memory, dict):
            raise TypeError("devices")
        found = [_device(row) for row in memory["devices"]]
        self._learning.watched = int(memory["watched"])
        self._devices = Recent(MOST, ((one.mac, one) for one in found))
        self._cards = Recent(2 * MOST, ((one.ip, one.mac) for one in found if one.ip))

    def _sighted(self, at: int, mac: str, ip: str) -> Device | None:
        """Return the device of a card, which is new where nobody knows it."""
        if not is_card(mac) or is_shared(mac):
            return None
        device = self._devices.get(mac) or self._new.get(mac)
        if device is None:
            device = Device(mac, at, clues=dict(kinds.by_card(mac)))
            self._meet(device)
        if ip not in _NEITHER:
            device.ip = ip
            self._cards[ip] = mac
        return device

    def _meet(self, device: Device) -> None:
        if not self._learning.over:
            self._devices[device.mac] = device
            return
        self._new[device.mac] = device
        if len(self._new) > MOST_NEW:
            del self._new[next(iter(self._new))]

    def _asked(self, at: int, fields: Fields) -> Iterable[Log]:
        messages = texts(fields.get("msg_types"))
        ip = str(fields.get("assigned_addr", "")) if "ACK" in messages else ""
        device = self._sighted(at, str(fields["mac"]), ip)
        if device is not None and _ASKS.intersection(messages):
            device.says(kinds.by_dhcp(fields))
            name = str(fields.get("host_name") or fields.get("client_fqdn", "")).partition(".")[0].lower()
            if name:
                yield from self._named(at, device, name)

    def _named(self, at: int, device: Device, name: str) -> Iterable[Log]:
        before = device.name
        if name in device.names:
            return
        harmless = not device.names or len(device.names) >= _SHARED_NAMES or _GIVEN.fullmatch(before)
        device.names = [*device.names, name][-NAMES:]
        device.says(kinds.by_name(name))
        if harmless or device.kind == "mobile" or device.mac in self._new or not self._learning.over:
            return
        yield notice("Device::Name_Changed", at, {**_told(device), "known_name": before})

    def _announced(self, ip: str, fields: Fields) -> None:
        """Take what a device says of itself over multicast DNS, or the name it registers over NetBIOS."""
        query = str(fields.get("query", ""))
        device = self._by_ip(ip)
        if device is None:
            return
        if fields.get("opcode_name") in {"netbios-registration", "netbios-multihomed-registration"}:
            device.announced = device.announced or query.lower()[:63]
        elif "answers" in fields:
            device.says(kinds.by_announcement(query))
            if fields.get("qtype_name") in {"A", "AAAA"}:
                device.announced = query.lower().removesuffix(".local")[:63]
        if device.announced and not device.names:
            device.says(kinds.by_name(device.announced))

    def _by_ip(self, ip: str) -> Device | None:
        mac = self._cards.get(ip) or ""
        return self._devices.get(mac) or self._new.get(mac)


def _told(device: Device) -> dict[str, Value]:
    told = known({"src": device.ip, "src_mac": device.mac, "vendor": maker(device.mac).vendor, "name": device.name})
    told.update(known({"kind": device.kind, "random": is_random(device.mac) or ""}))
    return told


def _device(row: Any) -> Device:
    mac, first, ip, names, announced, clues = row
    texts_of = {str(clue): str(kind) for clue, kind in clues.items()}
    return Device(str(mac), int(first), str(ip), [str(name) for name in names], str(announced), texts_of)
