"""The folder of the packages that were made: one of each kind, under names that say the version."""

from __future__ import annotations

import re
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.packages.wheels import PackageError


class Kind(StrEnum):
    """What a package is for."""

    DEB = "deb"
    MSI = "msi"
    UPDATE = "update"


NAMES = {
    Kind.DEB: re.compile(r"czujka-agent_(\d+\.\d+\.\d+)_amd64\.deb"),
    Kind.MSI: re.compile(r"czujka-agent-(\d+\.\d+\.\d+)-x64\.msi"),
    Kind.UPDATE: re.compile(r"czujka-agent-(\d+\.\d+\.\d+)-update\.zip"),
}


class Package(NamedTuple):
    """A package on the shelf."""

    kind: Kind
    version: str
    path: Path

    @property
    def signature(self) -> Path:
        """Where its signature lies when it has one."""
        return self.path.with_name(f"{self.path.name}.sig")

    def sha256(self) -> str:
        """Return the file's SHA-256, hex; raises OSError."""
        with self.path.open("rb") as file:
            digest = sha256()
            while part := file.read(1 << 20):
                digest.update(part)
        return digest.hexdigest()


def packages(folder: Path) -> list[Package]:
    """Return what lies there, the latest version of each kind first."""
    if not folder.is_dir():
        return []
    found = [
        Package(kind, match[1], path)
        for path in folder.iterdir()
        for kind, pattern in NAMES.items()
        if (match := pattern.fullmatch(path.name)) and path.is_file()
    ]
    return sorted(found, key=lambda one: (one.kind, [-int(part) for part in one.version.split(".")]))


def latest(folder: Path, kind: Kind) -> Package | None:
    """Return the latest package of a kind."""
    return next((one for one in packages(folder) if one.kind == kind), None)


def put(folder: Path, name: str, data: bytes, key: Ed25519PrivateKey | None = None) -> Path:
    """Write a package in one step, and with a key its signature (Ed25519, 64 bytes) beside it as `NAME.sig`.

    Without a key none is left beside it: it would be that of other bytes.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{name}.sig").unlink(missing_ok=True)
    files = {name: data} if key is None else {name: data, f"{name}.sig": key.sign(data)}
    for one, content in files.items():
        draft = folder / f".{one}.new"
        draft.write_bytes(content)
        draft.replace(folder / one)
    return folder / name


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Read the key that signs packages (PEM); raises PackageError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise PackageError(f"Nie można użyć klucza {path}: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PackageError(f"Plik {path} nie jest kluczem Ed25519. Utwórz go: openssl genpkey -algorithm ed25519")
    return key
