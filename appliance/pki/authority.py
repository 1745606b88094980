"""The certificate authority: EC P-256, ten years, its key in the state folder (mode 0600)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.clock import to_datetime
from appliance.home import Home
from appliance.pki import files

YEARS = timedelta(days=3653)
BACKDATE = timedelta(days=2)
"""Certificates are valid from two days ago, so that a clock set back a day does not make them invalid."""


class PkiError(RuntimeError):
    """The certificate authority's files cannot be used; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA's key and certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def ensure_authority(home: Home, now: int) -> Authority:
    """Return the CA, making it when the state folder has none."""
    if home.ca.exists():
        return load_authority(home)
    key_path = home.pki / "ca.key"
    key = _load_key(home) if key_path.exists() else ec.generate_private_key(ec.SECP256R1())
    files.write(key_path, files.key_pem(key), files.KEY_MODE)
    certificate = _self_signed(key, now)
    files.write(home.ca, certificate.public_bytes(serialization.Encoding.PEM), files.CERTIFICATE_MODE)
    return Authority(key, certificate)


def load_authority(home: Home) -> Authority:
    """Read the CA; raises PkiError when its files are missing, damaged or not a pair."""
    key = _load_key(home)
    try:
        certificate = files.load_certificate(home.ca)
    except (OSError, ValueError) as error:
        raise PkiError(_unusable(home.ca, error)) from error
    if certificate.public_key() != key.public_key():
        raise PkiError(
            f"Plik {home.ca} nie pasuje do klucza {home.pki / 'ca.key'}. Odtwórz oba z tej samej kopii zapasowej."
        )
    return Authority(key, certificate)


def _load_key(home: Home) -> ec.EllipticCurvePrivateKey:
    path = home.pki / "ca.key"
    try:
        return files.load_key(path)
    except (OSError, ValueError, TypeError) as error:
        raise PkiError(_unusable(path, error)) from error


def _unusable(path: object, error: Exception) -> str:
    return f"Nie można użyć pliku {path}: {error}. Odtwórz go z kopii zapasowej."


def _self_signed(key: ec.EllipticCurvePrivateKey, now: int) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Czujka"),
            # The serial number tells two boxes' authorities apart in a trust store.
            x509.NameAttribute(NameOID.COMMON_NAME, f"Czujka CA {x509.random_serial_number():040x}"[:22]),
        ]
    )
    moment = to_datetime(now)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - BACKDATE)
        .not_valid_after(moment + YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
