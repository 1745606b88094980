"""Services that systemd knows, and whether they start by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.raw import Command, Raws
from agent.inventory.section import HOUR, Item, Section

LIST = Command(("systemctl", "list-unit-files", "--type=service,socket", "--no-legend", "--no-pager", "--plain"))
_TOLD = frozenset({"enabled", "enabled-runtime", "disabled", "masked", "masked-runtime", "generated", "linked", "bad"})


def parse(raws: Raws) -> Iterator[Item]:
    """Read `systemctl list-unit-files`; units that others pull in (static, alias …) have no state of their own."""
    for line in raws.output("units").splitlines():
        name, state, *preset = line.split()
        if state in _TOLD:
            fields = {"service.name": name, "service.state": state, "service.type": name.rpartition(".")[2]}
            yield name, {**fields, "inventory.preset": preset[0] if preset and preset[0] != "-" else None}


SECTION = Section("service", {"units": LIST}, parse, 2 * HOUR)
