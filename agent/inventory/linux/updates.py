"""Updates that wait: what the package manager would install, and which of it is for security."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agent.inventory.raw import Command, Raws, Source, Unknown
from agent.inventory.section import HOUR, Item, Section

APT = Command(("apt-get", "--simulate", "--option", "Debug::NoLocking=true", "dist-upgrade"), 120.0)
DNF = Command(("dnf", "--quiet", "--cacheonly", "check-update"), 120.0)
DNF_SECURITY = Command(("dnf", "--quiet", "--cacheonly", "check-update", "--security"), 120.0)
_INST = re.compile(r"^Inst (\S+) (?:\[([^\]]*)\] )?\((\S+) ([^)]*)\)", re.MULTILINE)
_SECURITY = re.compile(r"security", re.IGNORECASE)


def parse(raws: Raws) -> Iterable[Item]:
    """Return the updates that wait; without a known package manager that is not known."""
    if raws.there("apt"):
        return apt(raws.output("apt"))
    if raws.there("dnf"):
        security = {key for key, _ in dnf(raws.output("dnf_security", (0, 100)), frozenset())}
        return dnf(raws.output("dnf", (0, 100)), frozenset(security))
    raise Unknown("no_source")


def apt(printed: str) -> Iterator[Item]:
    """Read the `Inst` lines of apt-get --simulate: `Inst name [old] (new Origin:12/stable-security [amd64])`."""
    for name, old, new, origin in _INST.findall(printed):
        if not old:
            continue  # a new dependency, which is not an update by itself
        yield (
            name,
            {
                "package.name": name,
                "package.version": old,
                "inventory.available": new,
                "inventory.security": bool(_SECURITY.search(origin)),
                "inventory.origin": origin.split(" [")[0],
            },
        )


def dnf(printed: str, security: frozenset[str]) -> Iterator[Item]:
    """Read the columns of `dnf check-update`; what comes after the headline of obsoleted packages is none."""
    for line in printed.split("\nObsoleting", 1)[0].splitlines():
        columns = line.split()
        if len(columns) != 3 or "." not in columns[0]:
            continue
        (name, _, architecture), version, repository = columns[0].rpartition("."), columns[1], columns[2]
        key = f"{name}.{architecture}"
        yield (
            key,
            {
                "package.name": name,
                "package.architecture": architecture,
                "inventory.available": version,
                "inventory.security": key in security,
                "inventory.origin": repository,
            },
        )


SOURCES: dict[str, Source] = {"apt": APT, "dnf": DNF, "dnf_security": DNF_SECURITY}
SECTION = Section("update", SOURCES, parse, 6 * HOUR)
