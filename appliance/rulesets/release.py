"""A release of rules as files and bytes, from a zip or a folder of strangers: bounded, and all faults at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from appliance.detect import Fault
from appliance.detect.model import RETIRED
from appliance.detect.regression import FOLDER as CASES
from appliance.detect.yamldoc import MAX_BYTES

from . import zipped

MAX_FILES = 50_000
"""Files in one release, rules or not."""
MAX_TOTAL = 64 << 20
"""Bytes of all rules of one release."""
MAX_NAME = 300
MAX_DEPTH = 20
MAX_CASE, MAX_CASES = 4 << 20, 32 << 20
"""Bytes of one file of regression cases, and of all; what is larger, or too much, is left aside."""
LICENCE_BYTES = 1 << 16
TOLD = 200
"""Faults that one refusal tells; further ones are counted."""
_RULES = (".yml", ".yaml")
_EVENTS = (".evtx", ".json", ".jsonl", ".ndjson")
_NO_RULES = RETIRED | {CASES}
_DATED = re.compile(rb"^(?:date|modified): *['\"]?(\d{4}[-/]\d{2}[-/]\d{2})", re.MULTILINE)
_NAMED = re.compile(rb"r?(\d{4}-\d{2}-\d{2})")


class Refused(ValueError):
    """A release that cannot be taken; `faults` says why, each with its place."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(map(str, self.faults[:TOLD])))


@dataclass(frozen=True, slots=True)
class Release:
    """What is taken of a release: rule files by their path, the licence's text, the version, files left aside.

    `note` is what it says of its version itself, `cases` are the files of its regression cases.
    """

    files: Mapping[str, bytes]
    licence: str
    version: str
    left_aside: int
    note: str = ""
    cases: Mapping[str, bytes] = field(default_factory=dict)


def read_release(path: Path) -> Release:
    """Read a zip file or a folder. Raises Refused with every fault."""
    entries = _folder(path) if path.is_dir() else zipped.entries(path)
    faults: list[Fault] = []
    found: dict[str, zipped.Entry] = {}
    for entry in entries:
        if fault := entry.fault or _name_fault(entry.name):
            faults.append(Fault(_place(path, entry), 1, fault))
        elif entry.name.casefold() in found:
            faults.append(Fault(_place(path, entry), 1, "ta nazwa stoi w wydaniu dwa razy; usuń jedną z nich"))
        else:
            found[entry.name.casefold()] = entry
        if len(found) + len(faults) > MAX_FILES:
            raise Refused([*faults[:TOLD], Fault(str(path), 1, f"ponad {MAX_FILES} plików; podaj samo wydanie reguł")])
    if faults:
        raise Refused(faults)
    return _taken(path, list(found.values()))


def _taken(path: Path, entries: list[zipped.Entry]) -> Release:
    root = _root(entry.name for entry in entries)
    placed = {entry.name[len(root) :]: entry for entry in entries}
    wanted = {name: placed[name] for name in sorted(rule_names(placed))}
    faults: list[Fault] = []
    files: dict[str, bytes] = {}
    total = 0
    for name, entry in wanted.items():
        files[name] = _content(path, entry, faults)
        # What is refused has cost its reading, too.
        total += len(files[name]) or MAX_BYTES
        if total > MAX_TOTAL:
            faults.append(Fault(str(path), 1, f"reguły zajmują ponad {MAX_TOTAL} bajtów; podziel wydanie"))
            break
    if not wanted:
        faults.append(Fault(str(path), 1, "nie ma tu żadnej reguły (plików .yml); podaj wydanie reguł Sigma"))
    licence = next((entry for name, entry in placed.items() if name.upper().startswith(("LICENSE", "LICENCE"))), None)
    note = next((entry for name, entry in placed.items() if name.lower() in {"version", "version.txt"}), None)
    licence_text = _start(path, licence, faults).decode("utf-8", "replace")
    note_text = _start(path, note, faults)
    if faults:
        raise Refused(faults)
    version, cases = _version(note_text, files), _cases(placed)
    left_aside = len(entries) - len(wanted) - len(cases)
    return Release(files, licence_text, version, left_aside, note_text.decode("utf-8", "replace"), cases)


def _cases(placed: Mapping[str, zipped.Entry]) -> dict[str, bytes]:
    """Return the files of regression cases that are not too large; a rule that lacks them just cannot be tried."""
    found: dict[str, bytes] = {}
    left = MAX_CASES
    for name in sorted(placed):
        if not name.startswith(f"{CASES}/") or not (name.lower().endswith(_EVENTS) or name.endswith("/info.yml")):
            continue
        try:
            content = placed[name].read(MAX_CASE + 1)
        except (OSError, ValueError):
            continue
        left -= len(content)
        if left < 0:
            break
        if len(content) <= MAX_CASE:
            found[name] = content
    return found


def rule_names(names: Iterable[str]) -> set[str]:
    """Return which files are rules: those under folders called `rules…`, or all YAML where there is no such folder."""
    yaml = {name for name in names if name.lower().endswith(_RULES) and not _NO_RULES & set(name.split("/")[:-1])}
    proper = {name for name in yaml if name.startswith("rules") and "/" in name}
    return proper or yaml


def _root(names: Iterable[str]) -> str:
    """Return the one folder that everything lies in, with its slash; nothing when it is itself one of rules."""
    heads = {name.split("/", 1)[0] if "/" in name else "" for name in names}
    head = heads.pop() if len(heads) == 1 else ""
    return f"{head}/" if head and not head.startswith("rules") else ""


def _content(path: Path, entry: zipped.Entry, faults: list[Fault]) -> bytes:
    try:
        content = entry.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        faults.append(Fault(_place(path, entry), 1, f"nie można odczytać: {error}; pobierz wydanie jeszcze raz"))
        return b""
    if len(content) > MAX_BYTES:
        faults.append(Fault(_place(path, entry), 1, f"plik ma ponad {MAX_BYTES} bajtów; to nie jest reguła"))
        return b""
    return content


def _start(path: Path, entry: zipped.Entry | None, faults: list[Fault]) -> bytes:
    return _content(path, entry, faults)[:LICENCE_BYTES] if entry else b""


def _version(note: bytes, files: Mapping[str, bytes]) -> str:
    """Return the date that the release names itself by, else the newest date that a rule of it carries."""
    if named := _NAMED.search(note):
        return named[1].decode()
    dates = [found.replace(b"/", b"-") for content in files.values() for found in _DATED.findall(content)]
    return max(dates, default=b"").decode()


def _place(path: Path, entry: zipped.Entry) -> str:
    return f"{path}/{entry.name}" if entry.name else str(path)


def _name_fault(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
        return "nazwa wychodzi poza wydanie; tego pliku nie wolno rozpakować"
    if len(name) > MAX_NAME or len(parts) > MAX_DEPTH or not name.isprintable():
        return f"nazwa jest za długa, za głęboka albo ma znaki niewidoczne (najwyżej {MAX_NAME} znaków)"
    return ""


def _folder(path: Path) -> Iterator[zipped.Entry]:
    """Yield the files of a folder; a link or a device is a fault, and no link is followed."""
    for folder, folders, names in os.walk(path):
        folders.sort()
        here = Path(folder)
        for name in sorted(names) + [one for one in folders if (here / one).is_symlink()]:
            file = here / name
            relative = file.relative_to(path).as_posix()
            if file.is_symlink():
                yield zipped.Entry(relative, _nothing, "to dowiązanie; wydanie może mieć tylko zwykłe pliki")
            elif not file.is_file():
                yield zipped.Entry(relative, _nothing, "to nie jest zwykły plik")
            else:
                yield zipped.Entry(relative, _reader(file))


def _nothing(_: int) -> bytes:
    return b""


def _reader(file: Path) -> zipped.Read:
    def read(most: int) -> bytes:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            return stream.read(most)

    return read
