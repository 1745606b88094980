"""A bundle of feeds: a ZIP with a signed manifest, so that it may come on a stick from anywhere.

    manifest.json   {"format": 1, "made_at": µs, "files": {name: {"bytes": n, "sha256": hex}}}
    manifest.sig    Ed25519 over a prefix and exactly the manifest's bytes, hex
    osv.ndjson      lines of appliance/vulnerabilities/osv.py
    kev.json        CISA's catalogue as it is published

Nothing is unpacked to disk, no name in the archive becomes a path, and no size in a header is believed.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.rulesets.zipped import Entry, entries
from appliance.vulnerabilities.osv import (
    MAX_RECORD,
    Affected,
    BadRecord,
    affected,
    bundled_in,
    exploited,
    without_bundled,
)

MANIFEST, SIGNATURE, OSV, KEV = "manifest.json", "manifest.sig", "osv.ndjson", "kev.json"
NAMES = frozenset({MANIFEST, SIGNATURE, OSV, KEV})
MAX_FILE: Mapping[str, int] = {MANIFEST: 1 << 16, SIGNATURE: 1 << 10, OSV: 192 << 20, KEV: 32 << 20}
"""Bytes of each file, unpacked."""
MAX_ENTRIES = 500_000
"""Files of an archive of OSV records that a bundle is made of."""
_PREFIX = b"czujka feeds 1\n"
_LATEST = 1 << 62


class BadBundle(ValueError):
    """A file that is no bundle, or none that this box believes; the text says why, in Polish."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature and sums are right; `made_at` in microseconds."""

    made_at: int
    osv: bytes
    kev: bytes


def read(path: Path, keys: Iterable[Ed25519PublicKey]) -> Bundle:
    """Return a bundle signed by one of the keys. Raises BadBundle."""
    found = _entries(path)
    manifest, signature = _content(found, MANIFEST), _content(found, SIGNATURE)
    _check_signature(manifest, signature, list(keys))
    said = _manifest(manifest)
    files = said["files"]
    content = {}
    for name in (OSV, KEV):
        content[name] = _content(found, name)
        told = files.get(name)
        if not isinstance(told, dict) or told.get("sha256") != hashlib.sha256(content[name]).hexdigest():
            raise BadBundle(f"Plik {name} w pakiecie jest inny niż podpisany. Pobierz pakiet jeszcze raz.")
    return Bundle(said["made_at"], content[OSV], content[KEV])


def _entries(path: Path) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries(path):
        if not entry.name:
            raise BadBundle(f"To nie jest pakiet danych o podatnościach: {entry.fault}.")
        if entry.name not in NAMES or entry.name in found:
            raise BadBundle("W pakiecie jest plik, którego nie powinno tam być. Niczego nie przyjęto.")
        if entry.fault:
            raise BadBundle(f"Plik {entry.name} w pakiecie: {entry.fault}.")
        found[entry.name] = entry
    if set(found) != NAMES:
        raise BadBundle("Pakiet jest niepełny. Pobierz go jeszcze raz.")
    return found


def _content(found: Mapping[str, Entry], name: str) -> bytes:
    most = MAX_FILE[name]
    try:
        content = found[name].read(most + 1)
    except (OSError, ValueError) as error:
        raise BadBundle(f"Pliku {name} w pakiecie nie da się odczytać. Pobierz pakiet jeszcze raz.") from error
    if len(content) > most:
        raise BadBundle(f"Plik {name} w pakiecie ma ponad {most} bajtów. Niczego nie przyjęto.")
    return content


def _check_signature(manifest: bytes, signature: bytes, keys: list[Ed25519PublicKey]) -> None:
    if not keys:
        raise BadBundle("Czujka nie zna jeszcze żadnego klucza wydawcy. Dodaj go: czujka feeds trust PLIK.pub")
    try:
        raw = bytes.fromhex(signature.decode("ascii").strip())
    except ValueError as error:
        raise BadBundle("Podpis pakietu jest nieczytelny. Niczego nie przyjęto.") from error
    for key in keys:
        try:
            key.verify(raw, _PREFIX + manifest)
        except InvalidSignature:
            continue
        return
    raise BadBundle("Pakietu nie podpisał żaden ze znanych kluczy. Niczego nie przyjęto.")


def _manifest(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadBundle("Manifest pakietu jest nieczytelny.") from error
    good = isinstance(said, dict) and said.get("format") == 1 and isinstance(said.get("files"), dict)
    made = said.get("made_at") if good else None
    if isinstance(made, bool) or not isinstance(made, int) or not 0 < made < _LATEST:
        raise BadBundle("Manifest pakietu ma nieznaną postać. Potrzebna jest nowsza Czujka albo inny pakiet.")
    return dict(said)


def make(path: Path, osv: Iterable[Path], kev: Path, key: Ed25519PrivateKey, now: int) -> int:
    """Write a bundle of OSV archives and CISA's catalogue; return how many weaknesses it has.

    Raises BadBundle, OSError.
    """
    rows = without_bundled(record for archive in osv for record in _records(archive))
    lines = sorted({one.line() for one in rows})
    known = kev.read_bytes()
    try:
        exploited(known)
    except BadRecord as error:
        raise BadBundle(f"Plik {kev.name} nie jest katalogiem KEV.") from error
    content = {OSV: "".join(f"{line}\n" for line in lines).encode(), KEV: known}
    for name, text in content.items():
        if len(text) > MAX_FILE[name]:
            raise BadBundle(f"Plik {name} miałby ponad {MAX_FILE[name]} bajtów. Podaj mniej wydań systemów.")
    sums = {name: {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()} for name, text in content.items()}
    manifest = json.dumps({"format": 1, "made_at": now, "files": sums}, sort_keys=True).encode()
    content |= {MANIFEST: manifest, SIGNATURE: key.sign(_PREFIX + manifest).hex().encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (MANIFEST, SIGNATURE, OSV, KEV):
            archive.writestr(zipfile.ZipInfo(name), content[name], zipfile.ZIP_DEFLATED)
    return len(lines)


def _records(path: Path) -> Iterator[tuple[frozenset[str], Affected]]:
    """Yield what an archive of OSV files says; a file that is none is left out."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BadBundle(f"Plik {path.name} nie jest archiwum ZIP.") from error
    with archive:
        names = [info for info in archive.infolist() if info.filename.endswith(".json")]
        if len(names) > MAX_ENTRIES:
            raise BadBundle(f"Archiwum {path.name} ma ponad {MAX_ENTRIES} plików.")
        for info in names:
            with archive.open(info) as stream:
                text = stream.read(MAX_RECORD + 1)
            try:
                found = affected(text) if len(text) <= MAX_RECORD else []
            except BadRecord:
                continue
            cves = bundled_in(text) if found else frozenset()
            yield from ((cves, one) for one in found)
