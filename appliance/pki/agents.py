"""Signing an agent's certificate from its request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from appliance.clock import from_datetime, to_datetime
from appliance.pki.authority import Authority
from appliance.pki.identity import PREFIX, fingerprint
from appliance.pki.leaves import CLIENT, PublicKey, sign_leaf

MAX_CSR = 4096
"""Bytes of a certificate request; one for an elliptic curve key has about 500."""
DAYS = 180


class CsrError(ValueError):
    """A certificate request cannot be signed."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed certificate: PEM, SHA-256 fingerprint in hex, end of validity in microseconds."""

    pem: str
    fingerprint: str
    expires_at: int


def csr_key(csr_pem: bytes) -> PublicKey:
    """Return the public key of a request that proves possession of it.

    Raises CsrError unless the request is at most MAX_CSR bytes of PEM, rightly signed, with an EC P-256 or Ed25519 key.
    """
    if len(csr_pem) > MAX_CSR:
        raise CsrError(f"request is longer than {MAX_CSR} bytes")
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        valid, key = request.is_signature_valid, request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CsrError("not a certificate request in PEM") from error
    if not valid:
        raise CsrError("the request's signature is wrong")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise CsrError("only EC P-256 and Ed25519 keys are taken")


def key_bytes(key: PublicKey) -> bytes:
    """Return a public key's SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sign_agent(
    ca: Authority, csr_pem: bytes, agent_id: str, *, now: int, days: int = DAYS, after: int | None = None
) -> Issued:
    """Sign a client certificate for an agent; nothing of the request but its key is used.

    With `after` (microseconds) the certificate ends later than that, however the clock was moved.
    Raises CsrError as `csr_key` does, and ValueError when `agent_id` is not a UUID.
    """
    key, identity = csr_key(csr_pem), str(uuid.UUID(agent_id))
    expires = to_datetime(now) + timedelta(days=days)
    if after is not None:
        expires = max(expires, to_datetime(after) + timedelta(seconds=1))
    names = [x509.UniformResourceIdentifier(PREFIX + identity)]
    certificate = sign_leaf(
        ca, key, name=identity, alternatives=names, purpose=CLIENT, now=now, expires=expires.replace(microsecond=0)
    )
    return Issued(
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        fingerprint=fingerprint(certificate.public_bytes(serialization.Encoding.DER)),
        expires_at=from_datetime(certificate.not_valid_after_utc),
    )
