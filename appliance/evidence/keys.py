"""The box's evidence key: Ed25519, apart from the CA, in the state folder (mode 0600)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.evidence import chain
from appliance.home import Home
from appliance.pki import files
from appliance.pki.authority import PkiError


@dataclass(frozen=True, slots=True)
class EvidenceKey:
    """The private key, its raw public key, and that one's fingerprint."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, hex."""
        return chain.fingerprint(self.public)

    def seal(self, at: int, number: int, digest: str) -> dict[str, Any]:
        """Return the seal of an entry; `at` in microseconds. An anchor is the same."""
        signature = self.private.sign(chain.seal_statement(at, number, digest, self.fingerprint))
        return {"at": at, "hash": digest, "key": self.fingerprint, "number": number, "signature": signature.hex()}


def ensure_key(home: Home) -> EvidenceKey:
    """Return the key, made when the box has neither a key nor a chain.

    Raises PkiError when it cannot be used, or is gone while there is a chain that it signed.
    """
    path = key_file(home)
    if not path.exists():
        if home.evidence.exists():
            raise PkiError(
                f"Nie ma klucza dowodów {path}, a łańcuch dowodów istnieje. Odtwórz klucz z kopii zapasowej."
            )
        write(path, Ed25519PrivateKey.generate())
    return load_key(path)


def key_file(home: Home) -> Path:
    """Return where the key lies."""
    return home.pki / "evidence.key"


def next_file(home: Home) -> Path:
    """Return where a new key lies until the chain names it."""
    return home.pki / "evidence-next.key"


def load_key(path: Path) -> EvidenceKey:
    """Read a key. Raises PkiError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise PkiError(f"Nie można użyć pliku {path}: {error}. Odtwórz go z kopii zapasowej.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PkiError(f"Plik {path} nie jest kluczem Ed25519. Odtwórz go z kopii zapasowej.")
    return EvidenceKey(key)


def write(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a key, and its public half beside it."""
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    files.write(path.with_suffix(".pub"), public, files.CERTIFICATE_MODE)
    files.write(path, private, files.KEY_MODE)


def first_statement(key: EvidenceKey) -> dict[str, Any]:
    """Return the payload of the entry that begins a chain."""
    return {"by_new": None, "by_old": None, "old": None, "previous": None, "public": key.public.hex(), "at": None}


def next_statement(old: EvidenceKey, new: EvidenceKey, at: int, previous: str) -> dict[str, Any]:
    """Return the payload of a rotation: each key signs that the new one follows, after the entry with that hash."""
    message = chain.key_statement(at, old.public.hex(), new.public.hex(), previous)
    signed = {"by_new": new.private.sign(message).hex(), "by_old": old.private.sign(message).hex()}
    return signed | {"at": at, "old": old.public.hex(), "previous": previous, "public": new.public.hex()}


def grouped(fingerprint: str) -> str:
    """Return a fingerprint as people compare it: groups of four."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
