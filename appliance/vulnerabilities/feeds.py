"""The feeds that the box has: one SQLite file a bundle, and a small file that says which of them is in force.

feeds/keys/*.pub       public keys (Ed25519, PEM) whose bundles are believed
feeds/<made_at>.db     what a bundle says, for questions
feeds/current.json     {"stack": [older, newer]}: the last one is in force, those before are for the way back
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.clock import DAY
from appliance.pki import files
from appliance.vulnerabilities.bundle import BadBundle, Bundle, read
from appliance.vulnerabilities.osv import Affected, BadRecord, exploited, parse_line

KEPT = 3
"""Bundles that are kept, the one in force among them."""
AHEAD = DAY
"""How much later than now a bundle may be made: clocks differ, but not by more."""
STALE = 14 * DAY
"""Feeds older than this are said to be old."""
MAX_KEY_FILE = 4096
_TABLES = """
CREATE TABLE affected (ecosystem TEXT, package TEXT, name TEXT, since TEXT, fixed TEXT, title TEXT, severity TEXT);
CREATE TABLE exploited (name TEXT PRIMARY KEY, ransomware INTEGER) WITHOUT ROWID;
"""
_COLUMNS = "name, ecosystem, package, since, fixed, title, severity"


class NoFeeds(LookupError):
    """No bundle was ever taken."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A bundle that was taken: when it was made (µs), and how much it says."""

    made_at: int
    affected: int
    exploited: int


class Shelf:
    """The feeds in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keys(self) -> list[Ed25519PublicKey]:
        """Return the keys that are believed."""
        paths = sorted((self.folder / "keys").glob("*.pub"))
        return [_public(path) for path in paths]

    def trust(self, path: Path) -> str:
        """Believe what a key signs; return the name of its file here. Raises BadBundle, OSError."""
        _public(path)
        keys = self.folder / "keys"
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{path.stem[:60]}.pub"
        files.write(keys / name, path.read_bytes(), files.CERTIFICATE_MODE)
        return name

    def stack(self) -> list[int]:
        """Return the bundles that are kept, by when they were made; the last one is in force."""
        try:
            said = json.loads((self.folder / "current.json").read_text("utf-8"))
        except (OSError, ValueError):
            return []
        stack = said.get("stack") if isinstance(said, dict) else None
        known = [made for made in stack if isinstance(made, int)] if isinstance(stack, list) else []
        return [made for made in known if self._path(made).is_file()]

    def current(self) -> int:
        """Return when the feeds in force were made. Raises NoFeeds."""
        stack = self.stack()
        if not stack:
            raise NoFeeds
        return stack[-1]

    def made_at(self) -> int | None:
        """Return when the feeds in force were made; None where no bundle was ever taken."""
        stack = self.stack()
        return stack[-1] if stack else None

    def take(self, path: Path, now: int) -> Taken:
        """Take a bundle in. Raises BadBundle, OSError; then nothing has changed."""
        bundle = read(path, self.keys())
        stack = self.stack()
        if stack and bundle.made_at <= stack[-1]:
            raise BadBundle("Ten pakiet nie jest nowszy od obowiązującego. Niczego nie zmieniono.")
        if bundle.made_at > now + AHEAD:
            raise BadBundle("Pakiet ma datę z przyszłości. Sprawdź zegar tej maszyny i pakiet. Niczego nie zmieniono.")
        taken = self._write(bundle)
        self._point([*stack, bundle.made_at])
        return taken

    def back(self) -> tuple[int, int | None]:
        """Go back to the bundle before; return which one went and which one is in force. Raises NoFeeds."""
        stack = self.stack()
        if not stack:
            raise NoFeeds
        gone = stack.pop()
        self._point(stack)
        self._path(gone).unlink(missing_ok=True)
        return gone, stack[-1] if stack else None

    def _path(self, made_at: int) -> Path:
        return self.folder / f"{made_at}.db"

    def _point(self, stack: list[int]) -> None:
        for made_at in stack[:-KEPT]:
            self._path(made_at).unlink(missing_ok=True)
        files.write(self.folder / "current.json", json.dumps({"stack": stack[-KEPT:]}).encode(), files.KEY_MODE)

    def _write(self, bundle: Bundle) -> Taken:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".draft-{os.getpid()}.db"
        draft.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(draft)) as database:
                database.executescript(_TABLES)
                database.executemany(
                    f"INSERT INTO affected ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
                    _rows(bundle.osv),
                )
                (rows,) = database.execute("SELECT count(*) FROM affected").fetchone()
                known = [(one.name, one.ransomware) for one in exploited(bundle.kev)]
                database.executemany("INSERT OR REPLACE INTO exploited VALUES (?, ?)", known)
                database.execute("CREATE INDEX affected_package ON affected (ecosystem, package)")
                database.commit()
            draft.chmod(0o600)
            draft.replace(self._path(bundle.made_at))
        except (BadRecord, sqlite3.Error) as error:
            raise BadBundle("Treść pakietu ma nieznaną postać. Niczego nie zmieniono.") from error
        finally:
            draft.unlink(missing_ok=True)
        return Taken(bundle.made_at, rows, len(known))

    @contextmanager
    def opened(self) -> Iterator[Feeds]:
        """Open the feeds in force for questions. Raises NoFeeds."""
        path = self._path(self.current())
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            yield Feeds(database)


class Feeds:
    """Open feeds."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def affecting(self, ecosystem: str, package: str) -> list[Affected]:
        """Return the weaknesses of a source package of a release."""
        query = f"SELECT {_COLUMNS} FROM affected WHERE ecosystem = ? AND package = ?"  # noqa: S608 - constants
        return [Affected(*row) for row in self._database.execute(query, (ecosystem, package))]

    def knows(self, ecosystem: str) -> bool:
        """Tell whether the feeds say anything of a release."""
        query = "SELECT 1 FROM affected WHERE ecosystem = ? LIMIT 1"
        return self._database.execute(query, (ecosystem,)).fetchone() is not None

    def exploited(self) -> frozenset[str]:
        """Return the names that are in CISA's catalogue."""
        return frozenset(name for (name,) in self._database.execute("SELECT name FROM exploited"))


def _rows(lines: bytes) -> Iterator[tuple[str, ...]]:
    for line in io.BytesIO(lines):
        one = parse_line(line)
        yield (one.name, one.ecosystem, one.package, one.since, one.fixed, one.title, one.severity)


def _public(path: Path) -> Ed25519PublicKey:
    try:
        with path.open("rb") as stream:
            key = load_pem_public_key(stream.read(MAX_KEY_FILE))
    except ValueError as error:
        raise BadBundle(f"Plik {path.name} nie jest kluczem publicznym.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadBundle(f"Plik {path.name} nie jest kluczem Ed25519.")
    return key
