"""Whether a package manager changed a file: by who wrote it, else by what the manager's log says of then. Pure."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import takewhile
from pathlib import PurePosixPath
from typing import NamedTuple

MANAGERS = frozenset({
    "dpkg", "dpkg-deb", "dpkg-divert", "dpkg-statoverride", "update-alternatives", "apt", "apt-get", "aptitude",
    "unattended-upgrade", "rpm", "dnf", "dnf5", "yum", "zypper", "packagekitd", "snapd",
})  # fmt: skip
"""Programs that install packages. A script that a package brings runs below one of them."""
NEAR = 60.0
"""Seconds after a line of the log in which a change may still be that package's."""
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:(?:install|upgrade|configure|remove|purge|trigproc) ([^\s:]+)"
    r"|status (?:half-installed|unpacked|half-configured|installed|not-installed|config-files) ([^\s:]+))"
)


class Doing(NamedTuple):
    """What the manager did: seconds since the epoch, and the package."""

    at: float
    package: str


def is_manager(executable: str) -> bool:
    """Say whether a program is a package manager, by its path: only programs of the system count."""
    path = PurePosixPath(executable)
    return path.name in MANAGERS and str(path.parent) in {"/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/lib/snapd"}


def doings(lines: Iterable[str]) -> list[Doing]:
    """Read lines of dpkg's log (local time), oldest first; others are passed over."""
    found = []
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        with contextlib.suppress(ValueError, OverflowError):  # no date
            at = datetime.fromisoformat(match[1]).timestamp()
            found.append(Doing(at, (match[2] or match[3])[:200]))
    return sorted(found)


def package_at(known: list[Doing], moment: float, owns: Callable[[str], bool] = lambda _package: True) -> str:
    """Return the package that the manager was last at work on at a moment (s), empty for none.

    `owns` tells which packages come into question. A second of tolerance: the log has whole seconds.
    """
    place = bisect_right(known, (moment + 1.0, "\U0010ffff"))
    near = takewhile(lambda one: moment - one.at <= NEAR, reversed(known[:place]))
    return next(filter(owns, dict.fromkeys(one.package for one in near)), "")
