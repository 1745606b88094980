"""What was noticed of an address, and the name under which its frames are cut out of a ring."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

import numpy as np

from collector.protocols.model import Log
from collector.slices.form import RUN, Runs, uid_from

NOTES = frozenset(
    {
        "ARP::Binding_Changed",
        "ARP::Gratuitous_Storm",
        "ARP::Stands_Between",
        "DHCP::Unknown_Server",
        "ND::Unknown_Router",
    }
)
"""What analysers notice of whoever says that an address is his."""
_RESERVED, _PORTS = 255, (1, 1)
"""Protocol (IANA: reserved) and ports of a claim's uid: no flow has them."""


class Claim(NamedTuple):
    """What was noticed: when (µs of Unix time), of which address, and of whose card where that is said."""

    at: int
    address: str
    card: str

    @property
    def uid(self) -> str:
        """The name under which its frames are cut out; the same for the same notice."""
        return uid_from(self.at * 1000, _RESERVED, 6, self._ends(), _PORTS)

    def run(self) -> Runs:
        """Return a row of a ring's index that says what the uid follows from."""
        row = np.zeros(1, RUN)
        row["first"], row["proto"], row["version"], row["ports"] = self.at * 1000, _RESERVED, 6, _PORTS
        row["addresses"] = np.frombuffer(self._ends(), np.uint8)
        return row

    def _ends(self) -> bytes:
        card = bytes.fromhex(self.card.replace(":", ""))
        return ip_address(self.address).packed.ljust(16, b"\0") + card.ljust(16, b"\0")


def claim_of(log: Log) -> Claim | None:
    """Return what a notice says of an address, None for all other logs."""
    if log.path != "notice" or log.fields.get("note") not in NOTES:
        return None
    return Claim(log.at, str(log.fields["src"]), str(log.fields.get("src_mac", "")))
