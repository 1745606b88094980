"""Taking a release: it is loaded with everything else, compared with what is in force, and only then put in force."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.detect import Fault, Rule
from appliance.detect.correlation import Correlation
from appliance.detect.lists import read_lists
from appliance.home import Home
from appliance.settings import Settings

from .content import Kind, Origin, installed, load_places, origin_of, origins, whole
from .diff import EMPTY, Diff, Entry, Index, compare
from .release import Release
from .shelf import FILES, Installed, Shelf, ShelfDamaged

DEFAULT_NAME = "SigmaHQ"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,39}")
_DRL = re.compile(r"Detection Rule License(?: \(DRL\))? v?(\d+(?:\.\d+)*)")
#: What SigmaHQ's packages say of themselves (`version.txt`).
_PACKED = re.compile(r"^Release Date: [\d-]+\s+Label: \S+\s+Commit-Hash: [0-9a-f]{40}\b", re.MULTILINE)
DRL_URL = "https://github.com/SigmaHQ/Detection-Rule-License"
SIGMAHQ_URL = "https://github.com/SigmaHQ/sigma"


@dataclass(frozen=True, slots=True)
class Draft:
    """A release that is ready to be taken: what it would change, and the faults of its files."""

    installed: Installed
    diff: Diff
    faults: tuple[Fault, ...]
    replaced: int
    """Rules of it whose id a rule of the office or of the product has."""
    same: bool
    """The very files are in force already."""
    licences: Mapping[str, int]
    """Licences that rules of it name themselves, and how many rules each."""
    cases: int
    """Files of events that its rules are tried on."""
    filters: tuple[str, ...]
    """Titles of its filters, which do nothing in the box: what hides events there are exceptions."""
    folder: Path
    index: Index


@contextmanager
def drafted(home: Home, settings: Settings, release: Release, name: str, now: int) -> Iterator[Draft]:
    """Load a release beside what is in force and compare. Other changes wait until the end."""
    shelf = Shelf(home.rulesets)
    with shelf.alone(), shelf.draft(release) as folder:
        identity = _identity(name, release)
        others, before, current = _in_force(shelf, name)
        mine = Origin(Kind.IMPORTED, folder / FILES, name)
        places = origins(home, settings, [*others, mine])
        loaded, again = load_places(places, home.cache, read_lists(home.lists)[0], settings.rules.time_zone)
        rules = [one for one in whole(loaded) if origin_of(one, places) is mine]
        replaced = [one for one, _ in again if origin_of(one, places) is mine]
        index = _index(release, mine.folder, [*rules, *replaced], loaded.faults)
        licence, licence_url, url = licence_of(release)
        one = Installed(
            identity, name, release.version, licence, licence_url, url, now, len(index.entries), len(index.faults)
        )
        licences = Counter(one.licence for one in (*rules, *replaced) if one.licence)
        filters = tuple(sorted(one.title for one in loaded.filters if mine.folder in Path(one.source_file).parents))
        diff = compare(before, index, release.files)
        yield Draft(
            one,
            diff,
            index.faults,
            len(replaced),
            current == identity,
            licences,
            len(release.cases),
            filters,
            folder,
            index,
        )


def take(home: Home, draft: Draft) -> None:
    """Put a draft in force; only within `drafted`."""
    Shelf(home.rulesets).take(draft.folder, draft.installed, draft.index)


def rollback(home: Home, name: str) -> tuple[Installed, Installed | None]:
    """Go back to the version before. Raises ShelfDamaged, LookupError when there is none in force."""
    shelf = Shelf(home.rulesets)
    with shelf.alone():
        return shelf.rollback(name)


def licence_of(release: Release) -> tuple[str, str, str]:
    """Return a release's licence, the address of its text, and the address of the release, as far as it says them.

    The packages that SigmaHQ publishes hold no text of a licence; they are known by the note that they do hold.
    """
    text, packed = release.licence, _PACKED.search(release.note) is not None
    found = _DRL.search(text)
    if found or (packed and not text.strip()):
        url = SIGMAHQ_URL if packed or "github.com/SigmaHQ/" in text else ""
        return f"Detection Rule License {found[1] if found else '1.1'}", DRL_URL, url
    return next((line.strip("# ").strip()[:120] for line in text.splitlines() if line.strip("# ")), ""), "", ""


def _in_force(shelf: Shelf, name: str) -> tuple[list[Origin], Index, str]:
    """Return the other releases in force, and the index and id of this name's one."""
    try:
        stack = shelf.stacks().get(name, [])
        before = shelf.index(stack[-1]) if stack else EMPTY
        return [one for one in installed(shelf) if one.name != name], before, stack[-1] if stack else ""
    except ShelfDamaged:
        # What cannot be read is replaced by what is taken now.
        return [], EMPTY, ""


def _identity(name: str, release: Release) -> str:
    digest = hashlib.sha256()
    for path, content in sorted({**release.files, **release.cases}.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    digest.update(release.licence.encode())
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{slug}-{digest.hexdigest()[:12]}"


def _index(release: Release, folder: Path, rules: list[Rule | Correlation], faults: list[Fault]) -> Index:
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in release.files.items()}

    def place(file: str) -> str:
        return Path(file).relative_to(folder).as_posix()

    entries = [
        Entry(one.id, one.title, one.level, place(one.source_file), digests[place(one.source_file)]) for one in rules
    ]
    own = [Fault(place(one.file), one.line, one.message) for one in faults if folder in Path(one.file).parents]
    return Index({one.id: one for one in entries}, tuple(own))
