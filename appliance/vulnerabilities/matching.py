"""Which known weaknesses a station's inventory has. Pure: feeds and tables are given as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from agent.wire.editions import is_business, line
from appliance.vulnerabilities.osv import Affected
from appliance.vulnerabilities.tables import Build, Software, Tables
from appliance.vulnerabilities.versions import MAX_VERSION, BadVersion, dotted, dpkg_compare

END, UNVERIFIED = "end", "unverified"
"""What stands for a severity where support has ended, and where a fact's source is still to be read."""
_BUILD = re.compile(r"(?:10\.0\.|6\.3\.)?(\d{4,5})(?:\.(\d{1,6}))?")
_KB = re.compile(r"KB\d{6,8}", re.IGNORECASE)
Fields = Mapping[str, Any]
Affecting = Callable[[str, str], list[Affected]]
"""What feeds say of a release and a source package."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """A known weakness of something that a station has; `fixed` empty = no version without it."""

    name: str
    source: str
    product: str
    version: str
    fixed: str
    title: str
    severity: str


def ecosystem_of(system: Fields) -> str:
    """Return the release as OSV names it, from the item of the operating system; empty for any other."""
    family, version = str(system.get("os.family", "")).lower(), str(system.get("os.version", ""))
    if family == "debian" and re.fullmatch(r"\d{1,2}(\.\d+)?", version):
        return f"Debian:{version.partition('.')[0]}"
    return f"Ubuntu:{version}" if family == "ubuntu" and re.fullmatch(r"\d\d\.\d\d", version) else ""


def of_packages(packages: Iterable[Fields], ecosystem: str, affecting: Affecting) -> list[Weakness]:
    """Return the weaknesses of Debian packages; binary packages of one source count once."""
    sources: dict[tuple[str, str], None] = {}
    for fields in packages:
        if fields.get("package.type") == "deb":
            name = str(fields.get("inventory.source") or fields.get("package.name", ""))
            version = str(fields.get("inventory.source_version") or fields.get("package.version", ""))
            sources[name, version] = None
    return [
        Weakness(one.name, "osv", name, version, one.fixed, one.title, one.severity)
        for name, version in sources
        for one in affecting(ecosystem, name)
        if _hit(version, one)
    ]


def _hit(version: str, one: Affected) -> bool:
    """Tell whether a version has a weakness; a version that is nonsense cannot be judged and is none."""
    try:
        if one.since != "0" and dpkg_compare(version, one.since) < 0:
            return False
        return not one.fixed or dpkg_compare(version, one.fixed) < 0
    except BadVersion:
        return False


def of_software(programs: Iterable[Fields], rows: Iterable[Software], today: date) -> list[Weakness]:
    """Return the weaknesses of programs by our table."""
    table = list(rows)
    return [
        Weakness(row.weakness, "software", shown, version[:MAX_VERSION], row.least, _said(row), _mark(row))
        for fields in programs
        if (shown := str(fields.get("package.name", ""))[:255])
        for version in [str(fields.get("package.version", ""))]
        for row in table
        if row.names(shown) and _outdated(version, row, today)
    ]


def _outdated(version: str, row: Software, today: date) -> bool:
    if row.end is not None:
        return today > row.end
    try:
        numbers = dotted(version)
    except BadVersion:
        return False
    return numbers < dotted(row.least) and (row.since is None or numbers >= row.since)


def _said(row: Software) -> str:
    return row.end.isoformat() if row.end is not None else row.product


def _mark(row: Software) -> str:
    if not row.verified:
        return UNVERIFIED
    return END if row.end is not None else ""


def of_windows(system: Fields, updates: Iterable[Fields], builds: Iterable[Build], today: date) -> list[Weakness]:
    """Return what a Windows lacks: a release that gets corrections, a published revision, waiting security updates."""
    shown = str(system.get("os.full") or system.get("os.name") or "Windows")[:255]
    revision = build_of(system)[1]
    found = [
        one
        for row in rows_of(system, builds)
        for one in _of_build(row, shown, revision, _ended(row, edition_of(system)), today)
    ]
    return found + [_waiting(fields) for fields in updates if fields.get("inventory.security") is True]


def rows_of(system: Fields, builds: Iterable[Build]) -> list[Build]:
    """Return the table's rows of a Windows: those of its build in the line of its edition."""
    number, wanted = build_of(system)[0], line(edition_of(system))
    return [row for row in builds if row.build == number and row.line == wanted]


def edition_of(system: Fields) -> str:
    """Return the EditionID of a Windows; of an agent that does not tell it, the one that its name stands for."""
    told = str(system.get("os.family") or "")
    if told and told.lower() != "windows":
        return told
    name = f"{system.get('os.full', '')} {system.get('os.name', '')}".lower()
    device = "IoT" if "iot" in name else ""
    if "server" in name:
        return "Server"
    if "ltsc" in name or "ltsb" in name:
        return f"{device}EnterpriseS"
    return f"{device}Enterprise" if "enterprise" in name else "Education" if "education" in name else "Professional"


def build_of(system: Fields) -> tuple[int, int | None]:
    """Return a Windows' build and revision; 0 and None for what cannot be read, and a revision of 0 is none."""
    for name in ("os.kernel", "os.version", "inventory.build"):
        match = _BUILD.fullmatch(str(system.get(name, "")).strip())
        if match:
            return int(match[1]), int(match[2] or 0) or None
    return 0, None


def _ended(row: Build, edition: str) -> date:
    return row.business if row.business is not None and is_business(edition) else row.end


def _of_build(row: Build, shown: str, revision: int | None, end: date, today: date) -> Iterable[Weakness]:
    version = f"{row.build}.{revision}" if revision is not None else str(row.build)
    if today > end:
        name = "END-" + re.sub(r"[^A-Z0-9]+", "-", row.release.upper())
        mark = END if row.verified else UNVERIFIED
        yield Weakness(name, "windows", shown, version, "", end.isoformat(), mark)
    if row.revision is not None and revision is not None and revision < row.revision:
        fixed = f"{row.build}.{row.revision}"
        yield Weakness(row.update, "windows", shown, version, fixed, row.release, "" if row.verified else UNVERIFIED)


def _waiting(fields: Fields) -> Weakness:
    shown = str(fields.get("package.name") or fields.get("inventory.name") or "?")
    known = _KB.search(f"{shown} {fields.get('inventory.kb', '')}")
    version, newer = str(fields.get("package.version", "")), str(fields.get("inventory.available", ""))
    name = known[0].upper() if known else shown[:64]
    return Weakness(name, "windows", shown[:255], version[:MAX_VERSION], newer[:MAX_VERSION], shown[:300], "")


def system_in(sections: Mapping[str, Sequence[Fields]]) -> Fields:
    """Return the item of the operating system; empty where there is none."""
    systems = [one for one in sections.get("system", []) if "os.type" in one or "os.full" in one]
    return systems[0] if systems else {}


def is_windows(system: Fields) -> bool:
    """Tell whether an item of an operating system is that of a Windows."""
    told = str(system.get("os.type") or system.get("os.full", "")).lower()
    return told.startswith(("windows", "microsoft windows"))


def every(
    sections: Mapping[str, Sequence[Fields]], affecting: Affecting, tables: Tables, today: date
) -> list[Weakness]:
    """Return all weaknesses of a station, each once; `sections` are items' fields by section."""
    system = system_in(sections)
    found: list[Weakness] = []
    ecosystem = ecosystem_of(system)
    if ecosystem:
        found += of_packages(sections.get("package", []), ecosystem, affecting)
    if is_windows(system):
        found += of_software(sections.get("software", []), tables.software, today)
        found += of_windows(system, sections.get("update", []), tables.builds, today)
    return list({(one.name, one.product): one for one in found}.values())
