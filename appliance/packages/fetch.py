"""Fetches the wheels that this release knows, once, through pip: each by name, version and SHA-256, and no other."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

from appliance.packages.programs import run
from appliance.packages.wheels import PackageError, Pins, is_there

PLATFORMS = {
    "linux-amd64": (("manylinux2010_x86_64",), "3.9"),
    "windows-amd64": (("win_amd64",), "3.11"),
    "collector-amd64": (("manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64"), "3.11"),
}
"""Target → what pip calls it, and the Python there."""


def fetch(folder: Path, known: Pins) -> list[str]:
    """Fetch what is missing in a folder; return the names. Without anything missing nothing is asked of the network.

    Raises PackageError when pip cannot fetch something or is not there, OSError when the folder takes nothing.
    """
    fetched = []
    for target, wanted in known.items():
        missing = {name: digest for name, digest in wanted.items() if not is_there(folder, name, digest)}
        if missing:
            _download(folder, target, missing)
            fetched += list(missing)
    return fetched


def _download(folder: Path, target: str, missing: dict[str, str]) -> None:
    if importlib.util.find_spec("pip") is None:
        raise PackageError("Brakuje pakietu systemowego: sudo apt-get install -y python3-pip")
    platforms, python = PLATFORMS[target]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file appears in the wheelhouse when it is whole.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as made:
        draft = Path(made)
        listed = "".join(f"{_requirement(name)} --hash=sha256:{digest}\n" for name, digest in missing.items())
        (draft / "wanted.txt").write_text(listed, "utf-8")
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        try:
            pip += [f"--platform={platform}" for platform in platforms]
            run([*pip, f"--python-version={python}", "-d", ".", "-r", "wanted.txt"], draft)
        except PackageError as error:
            raise PackageError(f"Nie można pobrać paczek wheel ({target}). {error}") from error
        for name, digest in missing.items():
            if not is_there(draft, name, digest):
                raise PackageError(f"Serwer paczek dał inny plik niż {name}. Pobierz ten plik i skopiuj do {folder}.")
            (draft / name).replace(folder / name)


def _requirement(name: str) -> str:
    project, version = name.split("-")[:2]
    return f"{project}=={version}"
