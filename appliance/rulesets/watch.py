"""What the rules in force depend on, as a value that changes when any of it does. Cheap enough for every second."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
_Stamp = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """What files and the state database say; each part is compared, and nothing else is done with it."""

    files: Stamps
    state: Stamps = ()


def files_mark(home: Home, settings: Settings) -> Stamps:
    """Return the stamps of the files that rules are read from and that people change: not of taken releases."""
    places = [home.rules, *settings.rules.folders]
    return (_stamp(Shelf(home.rulesets).pointer), *(tuple(_stamps(place)) for place in places))


def state_mark(sessions: sessionmaker[Session], now: int) -> Stamps:
    """Return what the state database says of exceptions and stopped rules. Raises SQLAlchemyError."""
    with sessions() as session:
        return mark(session, now)


def _stamps(place: Path) -> Iterator[_Stamp | None]:
    if not place.is_dir():
        yield _stamp(place)
        return
    left = _FILES
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            left -= 1
            if left < 0:
                return
            yield _stamp(Path(folder) / name)


def _stamp(file: Path) -> _Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return str(file), found.st_mtime_ns, found.st_size, found.st_ino
