"""Object identifiers of certificates by their DER contents, under OpenSSL's names, which Zeek prints."""

from __future__ import annotations

_ATTRIBUTES = """
2.5.4.3:CN 2.5.4.4:SN 2.5.4.5:serialNumber 2.5.4.6:C 2.5.4.7:L 2.5.4.8:ST 2.5.4.9:street 2.5.4.10:O 2.5.4.11:OU
2.5.4.12:title 2.5.4.13:description 2.5.4.15:businessCategory 2.5.4.17:postalCode 2.5.4.41:name 2.5.4.42:GN
2.5.4.43:initials 2.5.4.46:dnQualifier 2.5.4.97:organizationIdentifier 0.9.2342.19200300.100.1.1:UID
0.9.2342.19200300.100.1.25:DC 1.2.840.113549.1.9.1:emailAddress 1.3.6.1.4.1.311.60.2.1.1:jurisdictionL
1.3.6.1.4.1.311.60.2.1.2:jurisdictionST 1.3.6.1.4.1.311.60.2.1.3:jurisdictionC
"""
_KEYS = """
1.2.840.113549.1.1.1:rsaEncryption 1.2.840.10045.2.1:id-ecPublicKey 1.2.840.10040.4.1:dsaEncryption
1.3.101.112:ED25519 1.3.101.113:ED448 1.2.840.113549.1.1.10:rsassaPss
"""
_SIGNATURES = """
1.2.840.113549.1.1.2:md2WithRSAEncryption 1.2.840.113549.1.1.4:md5WithRSAEncryption
1.2.840.113549.1.1.5:sha1WithRSAEncryption 1.3.14.3.2.29:sha1WithRSA 1.2.840.113549.1.1.10:rsassaPss
1.2.840.113549.1.1.11:sha256WithRSAEncryption 1.2.840.113549.1.1.12:sha384WithRSAEncryption
1.2.840.113549.1.1.13:sha512WithRSAEncryption 1.2.840.113549.1.1.14:sha224WithRSAEncryption
1.2.840.10040.4.3:dsaWithSHA1 2.16.840.1.101.3.4.3.2:dsa_with_SHA256 1.2.840.10045.4.1:ecdsa-with-SHA1
1.2.840.10045.4.3.1:ecdsa-with-SHA224 1.2.840.10045.4.3.2:ecdsa-with-SHA256 1.2.840.10045.4.3.3:ecdsa-with-SHA384
1.2.840.10045.4.3.4:ecdsa-with-SHA512 1.3.101.112:ED25519 1.3.101.113:ED448
"""
_CURVES = """
1.2.840.10045.3.1.7:prime256v1 1.3.132.0.34:secp384r1 1.3.132.0.35:secp521r1 1.3.132.0.33:secp224r1
1.3.132.0.10:secp256k1 1.2.840.10045.3.1.1:prime192v1 1.3.36.3.3.2.8.1.1.7:brainpoolP256r1
1.3.36.3.3.2.8.1.1.11:brainpoolP384r1 1.3.36.3.3.2.8.1.1.13:brainpoolP512r1
"""
_EXTENSIONS = "2.5.29.17:subjectAltName 2.5.29.19:basicConstraints"
MAX_OID = 32
"""Bytes of an identifier that is written out."""


def encode(dotted: str) -> bytes:
    """Return the DER contents of a dotted identifier."""
    first, second, *rest = map(int, dotted.split("."))
    found = bytearray()
    for arc in (40 * first + second, *rest):
        part = [arc & 0x7F]
        while arc := arc >> 7:
            part.append(arc & 0x7F | 0x80)
        found += bytes(reversed(part))
    return bytes(found)


def decode(contents: bytes) -> str:
    """Return the dotted form of DER contents; at most MAX_OID bytes of them."""
    arcs, arc = [], 0
    for byte in contents[:MAX_OID]:
        arc = arc << 7 | byte & 0x7F
        if byte < 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _table(text: str) -> dict[bytes, str]:
    return {encode(dotted): name for dotted, _, name in (pair.partition(":") for pair in text.split())}


ATTRIBUTES, KEYS, SIGNATURES = _table(_ATTRIBUTES), _table(_KEYS), _table(_SIGNATURES)
CURVES, EXTENSIONS = _table(_CURVES), _table(_EXTENSIONS)
#: Lengths of the curves' keys in bits.
BITS = {
    "prime256v1": 256,
    "secp384r1": 384,
    "secp521r1": 521,
    "secp224r1": 224,
    "secp256k1": 256,
    "prime192v1": 192,
    "brainpoolP256r1": 256,
    "brainpoolP384r1": 384,
    "brainpoolP512r1": 512,
}
