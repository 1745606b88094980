"""Snapshots of the embedded store: its segments and manifest as they were at one moment, beside a running box.

Segments never change once they are written, so hard links are as good as copies; where the file system of the target is
another, they are copied. A snapshot is whole when it has its note, which is written last.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance import clock
from appliance.store.damage import Aside, altered
from appliance.store.manifest import FILE, Manifest, Segment
from appliance.store.segments import sync_folder

NOTE = "snapshot.json"
LOCK = "writer.lock"
_ROUNDS = 20
"""How often the manifest is taken again since segments were merged and removed while others were copied."""
Tell = Callable[[int, int], None]
"""Takes how many files are done, and of how many."""


class SnapshotFault(RuntimeError):
    """A snapshot cannot be made or used; the text (Polish) says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot has; `at` in microseconds. `damaged` are files that could not be taken as they were written."""

    at: int
    segments: int
    events: int
    bytes: int
    linked: int
    damaged: tuple[str, ...]
    manifest: str
    """SHA-256 of the manifest's file."""


def take(folder: Path, out: Path, tell: Tell, now: Callable[[], int] = clock.now) -> Snapshot:
    """Make a snapshot of a store's folder in a new or empty folder, each file held against its digest.

    Raises SnapshotFault, sqlite3.Error and OSError; what is there then is no snapshot.
    """
    if not (folder / FILE).is_file():
        raise SnapshotFault(f"W {folder} nie ma magazynu zdarzeń.")
    _emptied(out)
    linked: dict[str, bool] = {}
    for _ in range(_ROUNDS):
        at = now()
        segments = _listed(folder, out)
        # What is gone and yet in force is damaged; what was merged meanwhile is in a newer manifest.
        if _brought(folder, out, segments, linked, tell) <= _in_force(folder):
            break
    else:
        raise SnapshotFault("Pliki łączą się szybciej, niż da się je skopiować. Ponów później.")
    named = {one.file for one in segments}
    for file in linked.keys() - named:
        (out / file).unlink()
    damaged = _checked(out, segments, now)
    good = [one for one in segments if one.file not in damaged]
    events, size = sum(one.rows for one in good), sum(one.bytes for one in good)
    links = sum(linked[one.file] for one in good)
    made = Snapshot(at, len(good), events, size, links, tuple(sorted(damaged)), _digest(out / FILE))
    _write(out / NOTE, json.dumps(asdict(made)))
    return made


def restore(source: Path, folder: Path, tell: Tell) -> Snapshot:
    """Put a snapshot in the place of a store that is not there; its files are checked first, then linked or copied.

    The journal's cursor is not taken over: what a journal still has is applied again, and known events stay single.
    Raises SnapshotFault, sqlite3.Error and OSError; an interrupted call is made again.
    """
    made = _note(source)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SnapshotFault(f"Inny proces zapisuje w {folder}. Zatrzymaj Czujkę.") from error
        if (folder / FILE).exists():
            raise SnapshotFault(f"W {folder} jest już magazyn. Odtwarza się do pustego.")
        _put(source, folder, tell)
    return made


def _put(source: Path, folder: Path, tell: Tell) -> None:
    """Bring a snapshot's files; the manifest gets its name last, and before that there is no store."""
    part = folder / "manifest.part"
    for rest in ("", "-wal", "-shm"):
        part.with_name(part.name + rest).unlink(missing_ok=True)
    shutil.copyfile(source / FILE, part)
    part.chmod(0o600)
    with closing(sqlite3.connect(part)) as db, db:
        db.execute("DELETE FROM applied")
        db.execute("DELETE FROM result")
    segments = _segments(part)
    wrong = [one.file for one in segments if altered(source, one) is not None]
    if wrong:
        raise SnapshotFault(f"Pliki migawki są uszkodzone: {', '.join(wrong[:5])} (razem {len(wrong)}).")
    _brought(source, folder, segments, {}, tell)
    _synced(part)
    part.rename(folder / FILE)
    sync_folder(folder)


def _emptied(out: Path) -> None:
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise SnapshotFault(f"Folder {out} nie jest pusty.")


def _listed(folder: Path, out: Path) -> list[Segment]:
    """Copy the manifest as it is at this moment, in one file; return the segments that it has in force."""
    copied = out / FILE
    with (
        closing(sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True, timeout=10)) as source,
        closing(sqlite3.connect(copied)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
        with target:
            # Their files are no part of a snapshot.
            target.execute("DELETE FROM segment WHERE retired IS NOT NULL")
    copied.chmod(0o600)
    return _segments(copied)


def _segments(path: Path) -> list[Segment]:
    with closing(Manifest(path.parent, writer=False, file=path.name)) as manifest:
        found = manifest.segments()
        manifest.single()
    return found


def _in_force(folder: Path) -> set[str]:
    with closing(Manifest(folder, writer=False)) as manifest:
        return {one.file for one in manifest.segments()}


def _brought(folder: Path, out: Path, segments: Sequence[Segment], linked: dict[str, bool], tell: Tell) -> set[str]:
    """Bring the files that are not there yet, and note which are links; return those that are gone at the source."""
    gone: set[str] = set()
    for done, segment in enumerate(segments, 1):
        file = segment.file
        if file not in linked:
            try:
                linked[file] = _linked(folder / file, out / file)
            except FileNotFoundError:
                gone.add(file)
        tell(done, len(segments))
    sync_folder(out)
    return gone


def _linked(source: Path, target: Path) -> bool:
    """Link a file, or copy it to disk where that cannot be done; return whether it is a link."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
        target.chmod(0o600)
        _synced(target)
        return False
    return True


def _checked(out: Path, segments: Sequence[Segment], now: Callable[[], int]) -> set[str]:
    """Set aside, in the snapshot alone, what is not as it was written; return those files."""
    with closing(Manifest(out, writer=False)) as manifest:
        aside = Aside(out, manifest, now)
        damaged = [found for one in segments if (found := altered(out, one)) is not None]
        for one in damaged:
            aside.put(one)
        manifest.single()
    _synced(out / FILE)
    return {one.file for one in damaged}


def _note(source: Path) -> Snapshot:
    try:
        told = json.loads((source / NOTE).read_text("utf-8"))
        made = Snapshot(**{**told, "damaged": tuple(told["damaged"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SnapshotFault(f"W {source} nie ma całej migawki.") from error
    if _digest(source / FILE) != made.manifest:
        raise SnapshotFault(f"Plik {source / FILE} jest inny niż w chwili migawki.")
    return made


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, "utf-8")
    _synced(part)
    part.rename(path)
    sync_folder(path.parent)


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
