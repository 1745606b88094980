"""Packages of the distribution: the dpkg status file read as it is, or what rpm prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agent.inventory.raw import Command, File, Raws, Unknown
from agent.inventory.section import HOUR, Item, Section

_SOURCE = re.compile(r"(\S+)(?: \(([^)]+)\))?")
_FIELDS = re.compile(r"^(Package|Status|Version|Architecture|Source|Maintainer): *(.*)$", re.MULTILINE)
RPM = ("rpm", "-qa", "--qf", "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n")


def parse(raws: Raws) -> Iterable[Item]:
    """Return the installed packages; a host with neither database is not known, it is not empty."""
    if raws.there("dpkg"):
        return dpkg(raws.text("dpkg"))
    if raws.there("rpm"):
        return rpm(raws.output("rpm"))
    raise Unknown("no_source")


def dpkg(status: str) -> Iterator[Item]:
    """Read /var/lib/dpkg/status (deb-control(5)): what is installed, with its source package's name and version."""
    for paragraph in status.split("\n\n"):
        fields = {name: text.strip() for name, text in _FIELDS.findall(paragraph)}
        if not fields.get("Status", "").endswith(" installed") or "Package" not in fields:
            continue
        name, version = fields["Package"], fields.get("Version", "")
        architecture = fields.get("Architecture", "")
        source = _SOURCE.match(fields.get("Source", ""))
        yield (
            f"{name}:{architecture}",
            {
                "package.name": name,
                "package.version": version,
                "package.architecture": architecture,
                "package.type": "deb",
                "inventory.source": source[1] if source else name,
                "inventory.source_version": (source[2] if source else None) or version,
            },
        )


def rpm(printed: str) -> Iterator[Item]:
    """Read `rpm -qa` in our own form; several versions of one package (kernels) are several items."""
    for line in printed.splitlines():
        name, version, architecture, source = line.split("\t")
        if name == "gpg-pubkey":
            continue
        yield (
            f"{name}-{version}.{architecture}",
            {
                "package.name": name,
                "package.version": version.removeprefix("0:"),
                "package.architecture": architecture,
                "package.type": "rpm",
                "inventory.source": source,
            },
        )


SECTION = Section(
    "package", {"dpkg": File("/var/lib/dpkg/status", 64 << 20), "rpm": Command(RPM, 60.0)}, parse, 4 * HOUR
)
