"""One certificate (RFC 5280) as the fields of Zeek's x509.log, read once for each certificate that is met again."""

from __future__ import annotations

import hashlib
from calendar import timegm
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from socket import AF_INET6, inet_ntoa, inet_ntop

from collector.protocols.ber import INTEGER, SEQUENCE, Item, head, integer, items
from collector.protocols.model import Malformed, Value
from collector.protocols.x509 import oids
from collector.protocols.x509.names import distinguished_name, text

MAX_CACHED = 2048
MAX_NAMES = 200
"""Alternative names of one certificate that are kept."""
_MAX_SERIAL = 64
_SAN = {1: "san.email", 2: "san.dns", 6: "san.uri", 7: "san.ip"}
_PUBLIC_KEY_TYPES = {"rsaEncryption": "rsa", "rsassaPss": "rsa", "id-ecPublicKey": "ecdsa", "dsaEncryption": "dsa"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: the fields of its log, and what a judgement of it needs. Times are seconds of Unix time."""

    fields: Mapping[str, Value]
    subject: str
    issuer: str
    begins: int
    ends: int
    self_issued: bool
    """Whether it names itself as its issuer, as roots and home-made certificates do."""
    names: tuple[str, ...]
    """The host names that it is for."""


_cache: OrderedDict[bytes, Certificate] = OrderedDict()


def read(der: bytes) -> Certificate:
    """Return what a certificate says. Raises Malformed, IndexError, ValueError for bytes that are none."""
    digest = hashlib.sha256(der).digest()
    found = _cache.get(digest)
    if found is None:
        found = _cache[digest] = _read(der, digest.hex())
        while len(_cache) > MAX_CACHED:
            _cache.popitem(last=False)
    else:
        _cache.move_to_end(digest)
    return found


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate."""
    return hashlib.sha256(der).hexdigest()


def _expect(item: Item, tag: int) -> tuple[int, int]:
    if item[0] != tag:
        raise Malformed("x509_unexpected_tag")
    return item[1:]


def _read(der: bytes, digest: str) -> Certificate:
    outer = _expect(head(der, 0, len(der)), SEQUENCE)
    body = list(items(der, *_expect(head(der, *outer), SEQUENCE)))
    version = 1
    if body and body[0][0] == 0xA0:
        version = integer(der, *_expect(head(der, *body.pop(0)[1:]), INTEGER)) + 1
    if len(body) < 6:
        raise Malformed("x509_truncated")
    serial, algorithm, issuer, validity, subject, key, *rest = body
    begins, ends = (_time(der, item) for item in list(items(der, *validity[1:]))[:2])
    subject_name, issuer_name = (distinguished_name(der, *item[1:]) for item in (subject, issuer))
    extensions = next((_extensions(der, item) for item in rest if item[0] == 0xA3), {})
    fields: dict[str, Value] = {
        "fingerprint": digest,
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "certificate.version": version,
        # Without a leading zero, as rules about certificates of attackers' tools write it.
        "certificate.serial": f"{int.from_bytes(der[serial[1] : serial[2]][:_MAX_SERIAL], 'big'):X}",
        "certificate.subject": subject_name,
        "certificate.issuer": issuer_name,
        "certificate.not_valid_before": float(begins),
        "certificate.not_valid_after": float(ends),
        "certificate.sig_alg": _algorithm(der, algorithm, oids.SIGNATURES),
        **_key(der, key),
        **extensions,
    }
    self_issued = der[subject[1] : subject[2]] == der[issuer[1] : issuer[2]]
    names = extensions.get("san.dns")
    hosts = tuple(str(name) for name in names) if isinstance(names, list) else ()
    return Certificate(fields, subject_name, issuer_name, begins, ends, self_issued, hosts)


def _time(der: bytes, item: Item) -> int:
    """UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5) in seconds."""
    digits = der[item[1] : min(item[2], item[1] + 20)].decode("ascii")
    if item[0] == 0x17:
        digits = ("19" if digits >= "5" else "20") + digits
    elif item[0] != 0x18:
        raise Malformed("x509_time")
    if len(digits) < 13 or not digits[:12].isdecimal():
        raise Malformed("x509_time")
    seconds = int(digits[12:14]) if digits[12:14].isdecimal() else 0
    month = int(digits[4:6])
    if not 1 <= month <= 12:
        raise Malformed("x509_time")
    return timegm((int(digits[:4]), month, int(digits[6:8]), int(digits[8:10]), int(digits[10:12]), seconds))


def _algorithm(der: bytes, item: Item, names: Mapping[bytes, str]) -> str:
    _, begin, stop = head(der, *_expect(item, SEQUENCE))
    kind = der[begin:stop]
    return names.get(kind) or oids.decode(kind)


def _key(der: bytes, item: Item) -> dict[str, Value]:
    algorithm, bits, *_ = items(der, *_expect(item, SEQUENCE))
    name = _algorithm(der, algorithm, oids.KEYS)
    fields: dict[str, Value] = {"certificate.key_alg": name, "certificate.key_type": _PUBLIC_KEY_TYPES.get(name, name)}
    if name in {"rsaEncryption", "rsassaPss"}:
        modulus, exponent, *_ = items(der, *_expect(head(der, bits[1] + 1, bits[2]), SEQUENCE))
        fields["certificate.key_length"] = int.from_bytes(der[modulus[1] : modulus[2]], "big").bit_length()
        if exponent[2] - exponent[1] <= 9:
            fields["certificate.exponent"] = str(int.from_bytes(der[exponent[1] : exponent[2]], "big"))
    elif name == "id-ecPublicKey":
        _, curve, *_ = items(der, *algorithm[1:])
        known = oids.CURVES.get(der[curve[1] : curve[2]])
        if known:
            fields |= {"certificate.curve": known, "certificate.key_length": oids.BITS[known]}
    elif name in {"ED25519", "ED448"}:
        fields["certificate.key_length"] = 8 * (bits[2] - bits[1] - 1)
    return fields


def _extensions(der: bytes, item: Item) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for _, begin, stop in items(der, *_expect(head(der, *item[1:]), SEQUENCE)):
        kind, *_, value = items(der, begin, stop)
        name = oids.EXTENSIONS.get(der[kind[1] : kind[2]])
        if name == "subjectAltName":
            fields |= _alternative_names(der, value)
        elif name == "basicConstraints":
            fields |= _constraints(der, value)
    return fields


def _constraints(der: bytes, value: Item) -> dict[str, Value]:
    fields: dict[str, Value] = {"basic_constraints.ca": False}
    for tag, begin, stop in items(der, *_expect(head(der, *value[1:]), SEQUENCE)):
        if tag == 1:
            fields["basic_constraints.ca"] = der[begin:stop] != b"\0"
        elif tag == INTEGER:
            fields["basic_constraints.path_len"] = integer(der, begin, stop)
    return fields


def _alternative_names(der: bytes, value: Item) -> dict[str, Value]:
    found: dict[str, list[str]] = {}
    for tag, begin, stop in items(der, *_expect(head(der, *value[1:]), SEQUENCE)):
        kind = tag & 0x1F if tag & 0xC0 == 0x80 else 0
        names = found.setdefault(_SAN[kind], []) if kind in _SAN else None
        if names is not None and len(names) < MAX_NAMES:
            names.append(_address(der[begin:stop]) if kind == 7 else text(0x16, der[begin:stop]))
    return dict(found)


def _address(raw: bytes) -> str:
    if len(raw) == 4:
        return inet_ntoa(raw)
    return inet_ntop(AF_INET6, raw) if len(raw) == 16 else raw[:32].hex()
