"""Whether nothing found on a station means something: why it could not be compared, or not all of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from appliance.stations.fresh import STALE
from appliance.vulnerabilities.matching import Fields, build_of, ecosystem_of, is_windows, rows_of, system_in
from appliance.vulnerabilities.tables import Build, Software, Tables
from appliance.vulnerabilities.versions import BadVersion, dotted, dpkg_compare

NEEDED: Mapping[bool, tuple[str, ...]] = {False: ("system", "package"), True: ("system", "software", "update")}
"""The sections without which nothing can be said of a Linux, of a Windows (True)."""
MAX_DETAIL = 300
_NAMED = 5


class Standing(NamedTuple):
    """How a station was compared: `reason` is empty where all of it was, `detail` says of what the reason speaks."""

    reason: str = ""
    detail: str = ""


REASONS = ("no_system", STALE, "unread", "no_system_data", "unknown_build", "no_revision", "unread_version")
"""Why a station could not be compared, or not all of it."""


def standing(
    sections: Mapping[str, Sequence[Fields]],
    problems: Mapping[str, str],
    knows: Callable[[str], bool],
    tables: Tables,
) -> Standing:
    """Return how a station can be compared.

    `problems` has each section that the station has told of, with why it is not known to be so (empty: it is); `knows`
    tells whether feeds know a release.
    """
    system = system_in(sections)
    if not system:
        return Standing("no_system")
    windows = is_windows(system)
    return (
        _of_sections(problems, NEEDED[windows])
        or (_of_build(system, tables.builds) if windows else _of_release(system, knows))
        or _of_versions(_unread_programs(sections, tables.software) if windows else _unread_packages(sections))
        or Standing()
    )


def _of_sections(problems: Mapping[str, str], needed: Iterable[str]) -> Standing | None:
    bad = {name: problems.get(name, "unread") for name in needed if problems.get(name, "unread")}
    if not bad:
        return None
    stale = [name for name, problem in bad.items() if problem == STALE]
    return Standing(STALE, " ".join(stale)) if stale else Standing("unread", " ".join(bad))


def _of_release(system: Fields, knows: Callable[[str], bool]) -> Standing | None:
    return None if knows(ecosystem_of(system)) else Standing("no_system_data", _shown(system))


def _of_build(system: Fields, builds: Iterable[Build]) -> Standing | None:
    number, revision = build_of(system)
    if not rows_of(system, builds):
        return Standing("unknown_build", f"{_shown(system)} ({number})" if number else _shown(system))
    return None if revision is not None else Standing("no_revision", _shown(system))


def _shown(system: Fields) -> str:
    return str(system.get("os.full") or system.get("os.name") or "?")[: MAX_DETAIL // 2]


def _of_versions(names: Iterator[str]) -> Standing | None:
    unread = sorted(set(names))
    if not unread:
        return None
    more = " …" if len(unread) > _NAMED else ""
    return Standing("unread_version", (", ".join(unread[:_NAMED]) + more)[:MAX_DETAIL])


def _unread_programs(sections: Mapping[str, Sequence[Fields]], rows: Sequence[Software]) -> Iterator[str]:
    """Yield the programs that the table compares by their version, and whose version is none."""
    for fields in sections.get("software", []):
        shown = str(fields.get("package.name", ""))[:255]
        if any(row.least and row.names(shown) for row in rows):
            try:
                dotted(str(fields.get("package.version", "")))
            except BadVersion:
                yield shown


def _unread_packages(sections: Mapping[str, Sequence[Fields]]) -> Iterator[str]:
    for fields in sections.get("package", []):
        if fields.get("package.type") != "deb":
            continue
        version = str(fields.get("inventory.source_version") or fields.get("package.version", ""))
        try:
            dpkg_compare(version, version)
        except BadVersion:
            yield str(fields.get("package.name", ""))[:255]
