"""Reading identities out of certificates."""

from __future__ import annotations

import uuid
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from appliance.clock import from_datetime

PREFIX = "urn:uuid:"


def fingerprint(cert_der: bytes) -> str:
    """Return the SHA-256 of a DER certificate, hex."""
    return sha256(cert_der).hexdigest()


def ca_pin(ca_pem: bytes) -> str:
    """Return the SHA-256 of a PEM certificate's public key (SubjectPublicKeyInfo), hex: what agents pin."""
    key = x509.load_pem_x509_certificate(ca_pem).public_key()
    return sha256(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def agent_id_of(cert_der: bytes) -> str | None:
    """Return the UUID that a certificate is for, or None when it names none, several, or not in canonical form."""
    try:
        extension = x509.load_der_x509_certificate(cert_der).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (x509.ExtensionNotFound, ValueError):
        return None
    names = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    if len(names) != 1 or not names[0].startswith(PREFIX):
        return None
    text = names[0].removeprefix(PREFIX)
    try:
        return text if str(uuid.UUID(text)) == text else None
    except ValueError:
        return None


def expiry_of(cert_der: bytes) -> int:
    """Return when a certificate's validity ends, in microseconds since the epoch."""
    return from_datetime(x509.load_der_x509_certificate(cert_der).not_valid_after_utc)
