"""Key and certificate files: written whole or not at all, keys readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

KEY_MODE = 0o600
CERTIFICATE_MODE = 0o644


def write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file atomically; it has its mode before it has its content, and is on disk afterwards."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS #8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private key; raises ValueError when it is not an elliptic curve key in PEM."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is not an elliptic curve key")  # noqa: TRY004 - the file's content is at fault
    return key


def load_certificate(path: Path) -> x509.Certificate:
    """Read a PEM certificate; raises ValueError when it is none."""
    return x509.load_pem_x509_certificate(path.read_bytes())
