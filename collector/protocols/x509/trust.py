"""Who signed a certificate: itself, or by a chain a root that the office trusts (RFC 5280 6.1, signatures and time).

Names that a root may sign for, policies and revocation are not looked at. A check costs up to a millisecond, so there
is a bound a second, and what was checked is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from collector.pace import Pace
from collector.protocols.x509.certificate import Certificate, fingerprint, read

CHECKS = 50
"""Signatures that are checked in a second of the traffic's time."""
MAX_CHAIN, MAX_CACHED, MAX_RSA_BITS, MAX_EXPONENT = 8, 4096, 8192, 1 << 32
SELF_SIGNED, SELF_ISSUED = "self-signed certificate", "subject is issuer, signature not checked"
UNKNOWN, WRONG = "unable to get local issuer certificate", "certificate signature failure"
EXPIRED, EARLY, GOOD = "certificate has expired", "certificate is not yet valid", "ok"
_FAULTS = (ValueError, TypeError, IndexError, UnsupportedAlgorithm)


class Trust:
    """Judges chains, in OpenSSL's words as Zeek does; without roots only what a certificate shows by itself."""

    def __init__(self, roots: Sequence[bytes] = ()) -> None:
        """Trust these roots, DER; raises ValueError and the other faults of `read` for one that is none."""
        self._roots: dict[str, list[bytes]] = {}
        for der in roots:
            self._roots.setdefault(read(der).subject, []).append(der)
        self._known: OrderedDict[tuple[str, str], bool | None] = OrderedDict()
        self._pace = Pace()

    def status(self, chain: Sequence[bytes], now: int) -> str:
        """Return what is to be said of a chain's first certificate at a time (seconds), empty where nothing can be."""
        first = read(chain[0])
        if self._roots:
            return self._traced(chain[:MAX_CHAIN], now)
        if first.self_issued:
            signed = self._signed(chain[0], chain[0], now)
            return SELF_ISSUED if signed is None else SELF_SIGNED if signed else WRONG
        return _time(first, now)

    def _traced(self, chain: Sequence[bytes], now: int) -> str:
        der, others = chain[0], list(chain[1:])
        for _ in range(MAX_CHAIN):
            current = read(der)
            if (late := _time(current, now)) or der in self._roots.get(current.subject, ()):
                return late or GOOD
            trusted = self._roots.get(current.issuer, [])
            follows = [one for one in others if (found := read(one)).subject == current.issuer and _signs(found)]
            verdicts = {one: self._signed(der, one, now) for one in (*trusted, *follows)[:MAX_CHAIN]}
            signer = next((one for one, good in verdicts.items() if good), None)
            if signer in trusted:
                return _time(read(signer), now) or GOOD
            if signer is None:
                return self._ended(current, der, verdicts, now)
            others.remove(der := signer)
        return UNKNOWN

    def _ended(self, current: Certificate, der: bytes, verdicts: dict[bytes, bool | None], now: int) -> str:
        if current.self_issued:
            signed = self._signed(der, der, now)
            return SELF_ISSUED if signed is None else SELF_SIGNED if signed else WRONG
        if None in verdicts.values():
            return ""
        return WRONG if verdicts else UNKNOWN

    def _signed(self, der: bytes, signer: bytes, now: int) -> bool | None:
        """Tell whether one certificate was signed with another one's key; None when it was not or cannot be checked."""
        key = fingerprint(der), fingerprint(signer)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if not self._pace.may(now, CHECKS):
            return None
        self._known[key] = found = signed(der, signer)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        return found


class _Used:
    """What this process judges by; parsers are made without settings."""

    trust = Trust()


def use(found: Sequence[bytes]) -> None:
    """Judge by these roots from now on; raises as Trust."""
    _Used.trust = Trust(found)


def used() -> Trust:
    """Return what this process judges by."""
    return _Used.trust


def roots(pem: bytes) -> list[bytes]:
    """Return the certificates of a PEM file, DER; raises ValueError when it has none or a broken one."""
    mark = b"-----BEGIN CERTIFICATE-----"
    found = [x509.load_pem_x509_certificate(mark + part) for part in pem.split(mark)[1:]]
    if not found:
        raise ValueError("no certificate")
    return [one.public_bytes(serialization.Encoding.DER) for one in found]


def signed(der: bytes, signer: bytes) -> bool | None:
    """Tell whether a certificate was signed with another one's key; None where that cannot be told."""
    try:
        made, key = x509.load_der_x509_certificate(der), x509.load_der_x509_certificate(signer).public_key()
        return _verified(made, key)
    except InvalidSignature:
        return False
    except _FAULTS:
        return None


def _verified(made: x509.Certificate, key: object) -> bool | None:
    content, digest = made.tbs_certificate_bytes, made.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size > MAX_RSA_BITS or key.public_numbers().e > MAX_EXPONENT or digest is None:
            return None
        if made.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS:
            return None
        key.verify(made.signature, content, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if digest is None:
            return None
        key.verify(made.signature, content, ec.ECDSA(digest))
    elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        key.verify(made.signature, content)
    else:
        return None
    return True


def _signs(found: Certificate) -> bool:
    return found.fields.get("basic_constraints.ca") is True


def _time(found: Certificate, now: int) -> str:
    return EXPIRED if now > found.ends else EARLY if now < found.begins else ""
