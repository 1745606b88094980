"""How the box is set up: its settings and its rule files, as drafts of entries when they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent import __version__
from appliance.evidence.chain import canonical
from appliance.evidence.ledger import Appending, Draft, Ledger
from appliance.evidence.plain import plain
from appliance.home import Home
from appliance.rulesets.shelf import Shelf
from appliance.settings import Settings

MAX_FILES = 20_000
"""Rule files that are looked at; of more, those that come first."""
_POINTER_BYTES = 1 << 16


def configuration(home: Home, settings: Settings) -> dict[str, Any]:
    """Return the settings in force without secrets, and the digest of the settings file."""
    values = settings.model_dump(mode="json")
    # An address of a webhook or of a database may carry a password.
    values["webhooks"] = [{"host": one.url.host, "sha256": _sha(str(one.url).encode())} for one in settings.webhooks]
    values["state_url"] = _sha(settings.state_url.encode()) if settings.state_url else ""
    return {"file": digest_of(home.config), "settings": values, "version": __version__}


def rule_files(home: Home, settings: Settings) -> dict[str, str]:
    """Return the digests of the office's own rule files by path; of taken releases, what says which are in force."""
    found: dict[str, str] = {}
    for place in (home.rules, *settings.rules.folders):
        for path in _files(place):
            digest = digest_of(path)
            if digest is not None and len(found) < MAX_FILES:
                found[str(path.relative_to(home.root) if path.is_relative_to(home.root) else path)] = digest
    pointer = digest_of(Shelf(home.rulesets).pointer)
    return found if pointer is None else found | {"rulesets": pointer}


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from sorted(path for path in place.rglob("*") if path.is_file())


def digest_of(path: Path) -> str | None:
    """Return the SHA-256 of a file, None when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def note_changes(ledger: Ledger, appending: Appending, home: Home, settings: Settings) -> None:
    """Append entries for what has changed since the last time."""
    setup = configuration(home, settings)
    mark = _sha(canonical(plain(setup)))
    if ledger.cursor("configuration") != mark:
        appending.add(Draft("configuration", setup))
        appending.set("configuration", mark)
    before, now = ledger.rules(), rule_files(home, settings)
    changed = {path: digest for path, digest in now.items() if before.get(path) != digest}
    removed = sorted(before.keys() - now.keys())
    if changed or removed:
        payload = {"changed": changed, "releases": _releases(home), "removed": removed, "version": __version__}
        appending.add(Draft("rules", payload))
        appending.set_rules(changed, removed)


def _releases(home: Home) -> Any:
    """Return which releases are in force, as the shelf's own file says it; None where there is none."""
    try:
        with Shelf(home.rulesets).pointer.open("rb") as file:
            return json.loads(file.read(_POINTER_BYTES))
    except (OSError, ValueError):
        return None


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
