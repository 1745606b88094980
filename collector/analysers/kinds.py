"""What kind of device something is: clues, each with a weight, and the guess that follows from them.

Clues are DHCP's vendor classes and orders of asked options as the systems send them, host names as makers and offices
give them, service names of IANA's registry, ports that one kind of device serves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from collector.analysers.cards import maker
from collector.analysers.fields import Fields

Clues = dict[str, str]
"""Where a clue comes from → the kind that it speaks for."""
_WEIGHTS = {"card": 3, "class": 5, "asked": 3, "name": 4, "mdns": 5, "ssdp": 5, "lldp": 5, "port": 4}
_CLASSES = (
    ("msft ", "station"),
    ("android-dhcp", "mobile"),
    ("hewlett-packard jetdirect", "printer"),
    ("hewlett-packard officejet", "printer"),
    ("mfg=", "printer"),
    ("brother", "printer"),
    ("lexmark", "printer"),
    ("kyocera", "printer"),
    ("epson", "printer"),
    ("xerox", "printer"),
    ("ricoh", "printer"),
    ("yealink", "phone"),
    ("polycom", "phone"),
    ("snom", "phone"),
    ("grandstream", "phone"),
    ("cisco systems, inc. ip phone", "phone"),
    ("axis", "camera"),
    ("ubnt", "network"),
    ("cisco ap", "network"),
    ("arubaap", "network"),
    ("mikrotik", "network"),
    ("docsis", "network"),
    ("verifone", "terminal"),
    ("ingenico", "terminal"),
    ("igel", "terminal"),
)
"""How a vendor class (option 60) begins."""
_ASKED = (
    ("1,3,6,15,31,33,43,44,46,47,119,121,249,252", "station"),
    ("1,15,3,6,44,46,47,31,33,121,249", "station"),
    ("1,3,6,15,26,28,51,58,59,43", "mobile"),
)
"""How the list of asked options (55) begins: Windows 8 to 11, Windows 7, Android."""
_ASKED_APPLE = "1,121,3,6,15,"
_ASKED_MAC = frozenset({"95", "44"})
"""What macOS asks for and iOS does not: directory and NetBIOS servers."""
_MADE_UP = ("52:54:00:", "02:42:")
"""Cards of KVM's and Docker's virtual machines, which are in no registry."""
_NAMES = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"npi[0-9a-f]{6}|br[nw][0-9a-f]{12}|km[0-9a-f]{6}|rnp[0-9a-f]{12}|et[0-9a-f]{12}|xrx[0-9a-f]{12}", "printer"),
        (r"epson[0-9a-f]{6}|canon[0-9a-f]{6}|.*(drukark|printer|laserjet|bizhub|ecosys|taskalfa|mfp\b).*", "printer"),
        (r"sep[0-9a-f]{12}|(sip-)?t[2-5]\dw?|.*(yealink|snom\d|voip|telefon).*", "phone"),
        (r"axis-[0-9a-f]{12}|(ipc|dvr|nvr|ipcam|cam|kamera)[-_]?\d*|.*(hikvision|dahua|rejestrator).*", "camera"),
        (r".*(kiosk|qmatic|kolejk|biletomat|infomat|terminal|wplatomat|parkomat).*", "terminal"),
        (r"(android|galaxy|iphone|ipad|redmi|xiaomi|pixel|oneplus|moto)([- ].*)?", "mobile"),
        (r"(switch|sw|router|fw|firewall|ap|unifi|mikrotik|openwrt)([-_]?\d[\w-]*|[-_][\w-]+)?", "network"),
        (r"(srv|dc|sql|nas|esx|hv|vm|backup)([-_]?\d[\w-]*|[-_][\w-]+)|.*(server|serwer|synology|qnap).*", "server"),
        (r"(desktop|laptop|stacja)[\w-]+|(pc|ws|nb)[-_]?\d[\w-]*", "station"),
    )
)
"""Whole host names, the first that fits."""
_ANNOUNCED = {
    "_ipp": "printer",
    "_ipps": "printer",
    "_printer": "printer",
    "_pdl-datastream": "printer",
    "_uscan": "printer",
    "_axis-video": "camera",
    "_rtsp": "camera",
    "_sip": "phone",
    "_apple-mobdev2": "mobile",
    "_smb": "server",
    "_adisk": "server",
    "_workstation": "station",
}
_UPNP = {
    "printer": "printer",
    "printerbasic": "printer",
    "printerenhanced": "printer",
    "digitalsecuritycamera": "camera",
    "internetgatewaydevice": "network",
    "wlanaccesspointdevice": "network",
}
"""Device types of UPnP (urn:schemas-upnp-org:device:TYPE:VERSION) that leave no doubt."""
_FORWARDS = frozenset({"switch", "bridge", "router", "access point", "repeater"})
_PORTS = {
    9100: "printer",
    631: "printer",
    515: "printer",
    554: "camera",
    37777: "camera",
    34567: "camera",
    8291: "network",
    179: "network",
    88: "server",
    389: "server",
    1433: "server",
    3306: "server",
    5432: "server",
    25: "server",
    102: "controller",
    502: "controller",
}


def by_card(mac: str) -> Iterator[tuple[str, str]]:
    """Yield what a card's own address says."""
    kind = "virtual" if mac.startswith(_MADE_UP) else maker(mac).kind
    if kind:
        yield "card", kind


def by_dhcp(fields: Fields) -> Iterator[tuple[str, str]]:
    """Yield what a client's question to DHCP says."""
    said, asked = str(fields.get("client_software", "")).lower(), str(fields.get("param_list", ""))
    for clue, table, text in (("class", _CLASSES, said), ("asked", _ASKED, asked)):
        kind = next((kind for begin, kind in table if text.startswith(begin)), "")
        if kind:
            yield clue, kind
    if asked.startswith(_ASKED_APPLE):
        yield "asked", "station" if set(asked.split(",")) >= _ASKED_MAC else "mobile"


def by_name(name: str) -> Iterator[tuple[str, str]]:
    """Yield what a host name says."""
    kind = next((kind for pattern, kind in _NAMES if pattern.fullmatch(name)), "")
    if kind:
        yield "name", kind


def by_announcement(name: str) -> Iterator[tuple[str, str]]:
    """Yield what the name of a service in multicast DNS says."""
    for label in name.lower().split(".")[:4]:
        if label in _ANNOUNCED:
            yield "mdns", _ANNOUNCED[label]


def by_upnp(target: str) -> Iterator[tuple[str, str]]:
    """Yield what a device says over SSDP that it is."""
    parts = target.lower().split(":")
    if len(parts) == 5 and parts[2] == "device" and parts[3] in _UPNP:
        yield "ssdp", _UPNP[parts[3]]


def by_capabilities(told: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what the capabilities that a device announces over LLDP or CDP say; telephones are switches, too."""
    if "telephone" in told:
        yield "lldp", "phone"
    elif not _FORWARDS.isdisjoint(told):
        yield "lldp", "network"


def by_port(port: int) -> str:
    """Return what a port says on which a device answers; empty for most ports."""
    return _PORTS.get(port, "")


def guess(clues: Mapping[str, str]) -> str:
    """Return the kind that most speaks for; empty when nothing does or two kinds have as much."""
    votes: Counter[str] = Counter()
    for clue, kind in clues.items():
        votes[kind] += _WEIGHTS.get(clue, 0)
    best = votes.most_common(2)
    if not best or (len(best) == 2 and best[0][1] == best[1][1]):
        return ""
    return best[0][0]
