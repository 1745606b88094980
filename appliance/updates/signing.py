"""Statements about versions, signed by the update key (Ed25519), which the CA has signed (agent/wire/update.py)."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.wire.update import Manifest, key_bytes, signed_bytes
from appliance.evidence import keys
from appliance.home import Home
from appliance.pki import Authority


def ensure_key(home: Home) -> Ed25519PrivateKey:
    """Return the update key, made when there is none; raises PkiError when it cannot be used."""
    path = home.pki / "update.key"
    if not path.exists():
        keys.write(path, Ed25519PrivateKey.generate())
    return keys.load_key(path).private


def signed(authority: Authority, key: Ed25519PrivateKey, manifest: Manifest) -> dict[str, str]:
    """Return a statement with all that its reader, who knows the CA alone, needs to check it."""
    statement, public = manifest.statement(), key.public_key().public_bytes_raw()
    return {
        "statement": statement,
        "signature": key.sign(signed_bytes(statement)).hex(),
        "key": public.hex(),
        "key_signature": authority.key.sign(key_bytes(public), ec.ECDSA(hashes.SHA256())).hex(),
    }
