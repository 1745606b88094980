"""Installed releases on disk: one folder a version, and one small file that says which of them is in force.

rulesets/current.json      {"SigmaHQ": ["older", "newer"]}: the last one is in force, those before are for the way back
rulesets/<id>/set.json     what the release is: name, version, licence, counts
rulesets/<id>/index.json   its rules and faults, for the next comparison
rulesets/<id>/files/…      its rule files, as they came
rulesets/<id>/regression_data/…  the events that its rules must match, as they came
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .diff import Index
from .release import Release

KEPT = 5
"""Versions of one name that are kept, the one in force among them."""
POINTER, FILES = "current.json", "files"
_POINTER_BYTES = 1 << 16
_LIMIT = 64 << 20


class ShelfBusy(RuntimeError):
    """Somebody else changes what is installed; try again."""


class ShelfDamaged(RuntimeError):
    """What is installed cannot be read; the text says what and where."""


class Versioned:
    """What has a name, and a version of it."""

    __slots__ = ()
    name: str
    version: str

    @property
    def label(self) -> str:
        """The name with its version, as people say it."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Installed(Versioned):
    """One installed version. `taken_at` in microseconds; `rules` and `faults` as counted when it was taken."""

    id: str
    name: str
    version: str
    licence: str
    licence_url: str
    url: str
    taken_at: int
    rules: int
    faults: int


class Shelf:
    """The folder of installed releases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def pointer(self) -> Path:
        """The file that says what is in force."""
        return self.folder / POINTER

    def files(self, one: str) -> Path:
        """Return the folder with the rule files of a version."""
        return self.folder / one / FILES

    def stacks(self) -> dict[str, list[str]]:
        """Return the versions of each name, the one in force last. Raises ShelfDamaged."""
        try:
            with self.pointer.open("rb") as stream:
                document = json.loads(stream.read(_POINTER_BYTES))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise ShelfDamaged(f"{self.pointer}: {error}; wczytaj wydanie jeszcze raz") from error
        if not isinstance(document, dict) or not all(_is_stack(stack) for stack in document.values()):
            raise ShelfDamaged(f"{self.pointer}: zła budowa pliku; wczytaj wydanie jeszcze raz")
        return document

    def current(self) -> list[Installed]:
        """Return the versions in force, by name. Raises ShelfDamaged."""
        return [self.read(stack[-1]) for _, stack in sorted(self.stacks().items()) if stack]

    def read(self, one: str) -> Installed:
        """Return what a version says of itself. Raises ShelfDamaged."""
        path = self.folder / one / "set.json"
        try:
            return Installed(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise ShelfDamaged(f"{path}: {error}; wczytaj wydanie jeszcze raz") from error

    def index(self, one: str) -> Index:
        """Return the rules and faults of a version. Raises ShelfDamaged."""
        path = self.folder / one / "index.json"
        try:
            with path.open("rb") as stream:
                return Index.load(json.loads(stream.read(_LIMIT)))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ShelfDamaged(f"{path}: {error}; wczytaj wydanie jeszcze raz") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other changes out for as long as one lasts. Raises ShelfBusy: a person may be reading a comparison."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ShelfBusy(
                    "Ktoś właśnie zmienia wydania reguł. Poczekaj, aż skończy, i spróbuj ponownie."
                ) from error
            yield

    @contextmanager
    def draft(self, release: Release) -> Iterator[Path]:
        """Write a release beside what is installed; the folder is gone afterwards unless it was taken."""
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        try:
            # Cases lie beside the rules' folder: nothing in it is read as a rule.
            whole = {f"{FILES}/{name}": content for name, content in release.files.items()} | dict(release.cases)
            for name, content in whole.items():
                file = folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            (folder / "LICENSE").write_text(release.licence, "utf-8")
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def take(self, draft: Path, installed: Installed, index: Index) -> None:
        """Put a draft in force: everything is on disk before the pointer says so, and the pointer changes at once."""
        (draft / "set.json").write_text(json.dumps(asdict(installed), ensure_ascii=False), "utf-8")
        (draft / "index.json").write_text(json.dumps(index.dump(), ensure_ascii=False), "utf-8")
        place = self.folder / installed.id
        if place.exists():
            shutil.rmtree(place)
        draft.rename(place)
        os.sync()
        try:
            stacks = self.stacks()
        except ShelfDamaged:
            stacks = self._rebuilt()
        stack = [one for one in stacks.get(installed.name, []) if one != installed.id]
        stacks[installed.name] = [*stack, installed.id][-KEPT:]
        self._point(stacks)
        self._tidy({one for kept in stacks.values() for one in kept})

    def _rebuilt(self) -> dict[str, list[str]]:
        """Return what the pointer would say of the versions that are there, each name's newest last."""
        found: dict[str, list[Installed]] = {}
        for place in self.folder.glob("*/set.json"):
            if _is_stack([place.parent.name]):
                with suppress(ShelfDamaged):
                    one = self.read(place.parent.name)
                    found.setdefault(one.name, []).append(one)
        return {name: [one.id for one in sorted(ones, key=lambda one: one.taken_at)] for name, ones in found.items()}

    def _tidy(self, kept: set[str]) -> None:
        """Delete versions that no way leads back to."""
        for place in self.folder.iterdir():
            if place.is_dir() and place.name not in kept:
                shutil.rmtree(place, ignore_errors=True)

    def rollback(self, name: str) -> tuple[Installed, Installed | None]:
        """Go back to the version before; return the one given up and the one in force, None when there is none left.

        Raises ShelfDamaged, LookupError when no version of the name is in force.
        """
        stacks = self.stacks()
        stack = stacks.get(name, [])
        if not stack:
            raise LookupError(name)
        before = self.read(stack[-2]) if len(stack) > 1 else None
        gone = self.read(stack[-1])
        stacks[name] = stack[:-1]
        self._point(stacks)
        return gone, before

    def _point(self, stacks: Mapping[str, list[str]]) -> None:
        draft = self.pointer.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(stacks, stream, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.pointer)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_stack(stack: object) -> bool:
    return isinstance(stack, list) and all(
        isinstance(one, str) and one and one.isascii() and one.replace("-", "").isalnum() for one in stack
    )
