"""Wheels for packages: found in a folder (a wheelhouse), taken only with a checksum that this release knows."""

from __future__ import annotations

import io
import re
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from appliance.packages.archive import Entry

PINS = Path(__file__).parent / "pins.toml"
MAX_WHEEL = 64 << 20
"""Bytes of one wheel."""


class PackageError(RuntimeError):
    """A package cannot be made; says in Polish why and what to do."""


Pins = Mapping[str, Mapping[str, str]]
"""Target → file name of a wheel → its SHA-256, hex."""


def pins() -> Pins:
    """Return the wheels of this release."""
    return dict(tomllib.loads(PINS.read_text("utf-8")))


def files_of(folder: Path, wanted: Mapping[str, str]) -> list[Entry]:
    """Return the wheels' files as they lie in site-packages, without tests and paperwork, with their licences.

    Raises PackageError when a wheel is missing, is another one than wanted, or is none.
    """
    return [
        entry for name, digest in sorted(wanted.items()) for entry in _unpacked(name, _checked(folder, name, digest))
    ]


def is_there(folder: Path, name: str, digest: str) -> bool:
    """Tell whether a folder has this very wheel."""
    try:
        _checked(folder, name, digest)
    except PackageError:
        return False
    return True


def _checked(folder: Path, name: str, digest: str) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > MAX_WHEEL:
            raise PackageError(f"Plik {path} jest za duży na paczkę wheel. Pobierz go ponownie.")
        data = path.read_bytes()
    except OSError as error:
        project = re.split(r"-\d", name)[0]
        raise PackageError(
            f"W folderze {folder} brakuje pliku {name}. Pobierz go ({project}) opcją --fetch. Bez sieci: zrób to na "
            "innym komputerze i skopiuj ten folder; polecenia podaje docs/packages.md."
        ) from error
    if sha256(data).hexdigest() != digest:
        raise PackageError(f"Plik {path} ma inną sumę SHA-256 niż ta, którą zna to wydanie. Pobierz go ponownie.")
    return data


def _unpacked(name: str, data: bytes) -> list[Entry]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            names = [one for one in wheel.namelist() if _needed(one)]
            return [Entry(one, wheel.read(one)) for one in names]
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError) as error:
        raise PackageError(f"Plik {name} jest uszkodzony. Pobierz go ponownie.") from error


def _needed(name: str) -> bool:
    parts = name.split("/")
    paperwork = parts[0].endswith(".dist-info") and "LICENSE" not in parts[-1]
    return not (name.endswith(("/", ".pyi")) or ".." in parts or parts[0] == "" or "tests" in parts or paperwork)
