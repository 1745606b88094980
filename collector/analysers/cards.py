"""Network cards by their addresses: who made one, and which belong to no single device."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

OUI = Path(__file__).with_name("data") / "oui.csv"
KINDS = frozenset(
    {
        "printer",
        "phone",
        "camera",
        "terminal",
        "network",
        "server",
        "station",
        "mobile",
        "virtual",
        "board",
        "controller",
    }
)
"""What a device can be: `phone` stands on a desk, `mobile` is carried, `terminal` serves the public or takes payments,
`virtual` is a virtual machine, `board` a small single-board computer, `controller` steers a machine or a building."""
_SHARED = ("00:00:5e:00:01", "00:00:5e:00:02", "00:00:0c:07:ac", "00:00:0c:9f:f", "00:07:b4:00", "02:bf:", "03:bf:")
"""VRRP and CARP for IPv4 and IPv6 (RFC 9568, 7.3), HSRP 1 and 2, GLBP (Cisco), Microsoft's load balancing."""


class Maker(NamedTuple):
    """Who made a card, and the one kind of device that this maker makes; both empty when not known."""

    vendor: str = ""
    kind: str = ""


@lru_cache(maxsize=1)
def makers() -> dict[str, Maker]:
    """Return the makers by the first three bytes of their cards, six hexadecimal digits."""
    found: dict[str, Maker] = {}
    with OUI.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            maker = Maker(row["vendor"], row["kind"])
            found.update(dict.fromkeys(row["prefixes"].split(), maker))
    return found


def maker(mac: str) -> Maker:
    """Return who made the card with this address (`00:11:22:33:44:55`)."""
    return makers().get(mac[:8].replace(":", ""), Maker())


def is_random(mac: str) -> bool:
    """Tell whether the device made the address up itself (bit "locally administered"), as phones do."""
    return mac[1:2] in {"2", "6", "a", "e"}


def is_shared(mac: str) -> bool:
    """Tell whether several devices stand in for each other under this address."""
    return mac.startswith(_SHARED)


def is_card(mac: object) -> bool:
    """Tell whether this is the address of a card, not of a group and not empty."""
    return isinstance(mac, str) and len(mac) == 17 and mac[1] in "02468ace" and mac != "00:00:00:00:00:00"
