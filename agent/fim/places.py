"""The watched places as data, and whether a path lies in one. Pure, but for finding which are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A file or folder; `*` in a pattern stands for one name or a part of it, never for a separator."""

    pattern: str
    why: str
    tree: bool = True
    """Whether all below it belongs to it; else only the path itself."""


LINUX: Sequence[Place] = (
    Place("/etc", "settings of the system and of its services"),
    Place("/boot", "kernel and what starts it"),
    Place("/usr/bin", "programs"),
    Place("/usr/sbin", "programs of the administrator"),
    Place("/bin", "programs, where it is no link to /usr/bin"),
    Place("/sbin", "programs, where it is no link to /usr/sbin"),
    Place("/usr/local/bin", "programs installed by hand"),
    Place("/usr/local/sbin", "programs installed by hand"),
    Place("/usr/lib/systemd", "services that start by themselves"),
    Place("/usr/local/lib/systemd", "services that start by themselves"),
    Place("/usr/lib/*/security", "how passwords are checked"),
    Place("/usr/lib64/security", "how passwords are checked"),
    Place("/var/spool/cron", "commands at fixed times"),
    Place("/root/.ssh", "keys that sign in as root"),
    Place("/root/.bashrc", "commands at every shell of root", tree=False),
    Place("/root/.profile", "commands at every sign-in of root", tree=False),
    Place("/root/.bash_profile", "commands at every sign-in of root", tree=False),
    Place("/home/*/.ssh", "keys that sign in"),
    Place("/home/*/.bashrc", "commands at every shell", tree=False),
    Place("/home/*/.profile", "commands at every sign-in", tree=False),
    Place("/home/*/.bash_profile", "commands at every sign-in", tree=False),
    Place("/home/*/.config/autostart", "programs started at sign-in"),
    Place("/home/*/.config/systemd/user", "services of a person"),
)
LINUX_LEFT_OUT: Sequence[Place] = (
    Place("/etc/mtab", "changes at every mount", tree=False),
    Place("/etc/adjtime", "changes at every stop", tree=False),
    Place("/etc/ld.so.cache", "made from the libraries that are there", tree=False),
    Place("/etc/cups/subscriptions.conf*", "changes with every printing", tree=False),
    Place("/etc/.pwd.lock", "locked, never written", tree=False),
)


class Places:
    """Watched places, without those left out."""

    def __init__(self, watched: Sequence[Place], left_out: Sequence[Place] = (), *, any_case: bool = False) -> None:
        """Where names are the same in `any_case` (Windows), so are paths."""
        flags = re.IGNORECASE if any_case else 0
        self._watched = watched
        self._inside = re.compile("|".join(map(_expression, watched)) or "(?!)", flags | re.DOTALL)
        self._outside = re.compile("|".join(map(_expression, left_out)) or "(?!)", flags | re.DOTALL)
        self._above = re.compile("|".join(_folders_above(watched)) or "(?!)", flags | re.DOTALL)

    def covers(self, path: str) -> bool:
        """Say whether a path is watched; separators are `/` on every system."""
        return self._inside.fullmatch(path) is not None and self._outside.fullmatch(path) is None

    def may_hold(self, folder: str) -> bool:
        """Say whether something below a folder may be watched, or the folder itself is."""
        return self._inside.fullmatch(folder) is not None or self._above.fullmatch(folder) is not None

    def found(self, root: Path = Path("/")) -> Iterator[str]:
        """Yield the watched places that are there now, each once, without those that lie in another."""
        there = sorted({path for place in self._watched for path in _matching(place.pattern, root)})
        last = ""
        for path in there:
            if not last or not path.startswith(f"{last}/"):
                yield path
                last = path


def _matching(pattern: str, root: Path) -> Iterator[str]:
    drive, _, rest = pattern.partition("/")  # of Windows; elsewhere there is none
    top = Path(f"{drive}/") if drive else root
    for path in top.glob(rest):
        if not path.is_symlink():
            yield f"{drive}/{path.relative_to(top).as_posix()}"


def expanded(places: Sequence[Place], variables: Mapping[str, str]) -> list[Place]:
    """Put the values of `%NAME%` in, with `/` as the separator; a place whose variable has none is left out."""
    made = []
    for place in places:
        missing = [name for name in re.findall(r"%(\w+)%", place.pattern) if not variables.get(name)]
        if not missing:
            pattern = re.sub(r"%(\w+)%", lambda found: variables[found[1]].replace("\\", "/"), place.pattern)
            made.append(place._replace(pattern=pattern))
    return made


def _expression(place: Place) -> str:
    exact = "[^/]*".join(map(re.escape, place.pattern.split("*")))
    return f"{exact}(?:/.*)?" if place.tree else exact


def _folders_above(places: Sequence[Place]) -> Iterator[str]:
    for place in places:
        parts = place.pattern.split("/")
        for count in range(2, len(parts)):
            yield _expression(Place("/".join(parts[:count]), "", tree=False))
