"""Certificate authorities that a host trusts, read by the standard library alone."""

from __future__ import annotations

import binascii
import re
import ssl
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from agent.inventory.section import Item

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
MAX_CERTIFICATES = 1000


def from_pem(text: str) -> list[bytes]:
    """Return the certificates of a PEM text as DER; what is not base64 is left out."""
    found = []
    for body in _PEM.findall(text)[:MAX_CERTIFICATES]:
        try:
            found.append(b64decode(body))
        except (ValueError, binascii.Error):
            continue
    return found


def authority(der: bytes, path: str) -> Iterator[Item]:
    """Return a CA certificate as an item, its end in seconds since the epoch; nothing for any other certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=der)
    except (ssl.SSLError, ValueError):
        return
    for found in context.get_ca_certs():
        fingerprint = sha256(der).hexdigest()
        yield (
            fingerprint,
            {
                "x509.subject.distinguished_name": _name(found.get("subject", ())),
                "x509.issuer.distinguished_name": _name(found.get("issuer", ())),
                "x509.serial_number": str(found.get("serialNumber", "")),
                "x509.not_after": int(ssl.cert_time_to_seconds(str(found["notAfter"]))),
                "hash.sha256": fingerprint,
                "file.path": path,
            },
        )


def _name(parts: Any) -> str:
    return ", ".join(f"{kind}={text}" for part in parts for kind, text in part)
