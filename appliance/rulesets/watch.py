"""What the rules in force depend on, as a value that changes when any of it does. Cheap enough for every second."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from appliance.home import Home
from appliance.settings import Settings

from .kept import mark
from .shelf import Shelf

Stamps = tuple[object, ...]
_FILES = 20_000
"""Files that are looked at; of more, those that come first."""
_SHARE, _LONGEST = 50, 10.0
_Stamp = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """What files and the state database say; each part is compared, and nothing else is done with it."""

    files: Stamps
    state: Stamps = ()


def files_mark(home: Home, settings: Settings) -> Stamps:
    """Return the stamps of the files that rules are read from and that people change: not of taken releases."""
    places = [home.rules, *settings.rules.folders]
    return (_stamp(Shelf(home.rulesets).pointer), *map(folder_stamps, places))


class FilesWatch:
    """The stamps of the files, looked at as often as is asked while that is cheap.

    With thousands of files it is done more rarely: it takes at most a fiftieth of the time, and is never older than
    ten seconds. `clock` and `spent` give seconds: the time, and what this thread has used of a core.
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._home, self._settings, self._clock, self._spent = home, settings, clock, spent
        self._found: Stamps | None = None
        self._due = 0.0

    def __call__(self) -> Stamps:
        """Return the stamps."""
        if self._found is None or self._clock() >= self._due:
            before = self._spent()
            self._found = files_mark(self._home, self._settings)
            self._due = self._clock() + min(_LONGEST, _SHARE * (self._spent() - before))
        return self._found


def state_mark(sessions: sessionmaker[Session], now: int) -> Stamps:
    """Return what the state database says of exceptions and stopped rules. Raises SQLAlchemyError."""
    with sessions() as session:
        return mark(session, now)


def folder_stamps(place: Path) -> Stamps:
    """Return the stamps of the files of a folder, or of a single file."""
    return tuple(_stamps(place))


def _stamps(place: Path) -> Iterator[_Stamp | None]:
    if not place.is_dir():
        yield _stamp(place)
        return
    left = _FILES
    folders = [str(place)]
    while folders:
        entries = _entries(folders.pop())
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                continue
            left -= 1
            if left < 0:
                return
            yield _stamp(entry)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _stamp(file: Path | os.DirEntry[str]) -> _Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return os.fspath(file), found.st_mtime_ns, found.st_size, found.st_ino
