"""Sockets that wait for others, the same on every system."""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.raw import Native, Raws
from agent.inventory.section import HOUR, Item, Section

EPHEMERAL = 32768
"""UDP ports from here on are mostly the other end of a question that somebody asked, and change all the time."""
_LOCAL = ("127.", "::1")


def parse(raws: Raws) -> Iterator[Item]:
    """Return the listening sockets by protocol, address, port and program."""
    for each in raws.value("sockets"):
        if not each["tcp"] and each["port"] >= EPHEMERAL:
            continue
        kind, address = ("tcp" if each["tcp"] else "udp"), str(each["address"]).partition("%")[0]
        yield (
            f"{kind} {address} {each['port']} {each['program']}",
            {
                "network.transport": kind,
                "source.ip": address,
                "source.port": each["port"],
                "process.name": each["program"],
                "inventory.local": address.startswith(_LOCAL),
            },
        )


SECTION = Section("listener", {"sockets": Native("listeners")}, parse, HOUR)
