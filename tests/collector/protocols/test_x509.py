"""Certificates: what the cryptography library makes is told as it was made; damage ends in the exceptions allowed."""

from __future__ import annotations

import datetime
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Malformed
from collector.protocols.x509 import certificate, oids
from collector.protocols.x509.certificate import MAX_CACHED, MAX_NAMES, read
from collector.protocols.x509.names import common_name, text

ALLOWED = (Malformed, IndexError, ValueError, struct.error)
_KEY = ec.generate_private_key(ec.SECP256R1())
_BEGIN, _END = datetime.datetime(1999, 12, 31, 23, 59, 59), datetime.datetime(2051, 1, 2, 3, 4, 5)  # noqa: DTZ001 - UTC by definition of the builder


def _made(
    name: str = "gmina.example",
    *,
    issuer: str | None = None,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = _KEY,
    hosts: tuple[str, ...] = (),
    ca: bool = False,
    serial: int = 0x8BB00EE,
) -> bytes:
    def named(value: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.COUNTRY_NAME, "PL"), x509.NameAttribute(NameOID.COMMON_NAME, value)]
        )

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), critical=False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
    return builder.sign(_KEY, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def test_the_fields_of_a_certificate() -> None:
    der = _made(hosts=("gmina.example", "bip.gmina.example"), ca=True)
    library = x509.load_der_x509_certificate(der)
    found = read(der)
    assert found.fields == {
        "fingerprint": library.fingerprint(hashes.SHA256()).hex(),
        "sha1": library.fingerprint(hashes.SHA1()).hex(),
        "certificate.version": 3,
        "certificate.serial": "8BB00EE",
        "certificate.subject": "CN=gmina.example,C=PL",
        "certificate.issuer": "CN=gmina.example,C=PL",
        "certificate.not_valid_before": library.not_valid_before_utc.timestamp(),
        "certificate.not_valid_after": library.not_valid_after_utc.timestamp(),
        "certificate.sig_alg": "ecdsa-with-SHA384",
        "certificate.key_alg": "id-ecPublicKey",
        "certificate.key_type": "ecdsa",
        "certificate.curve": "prime256v1",
        "certificate.key_length": 256,
        "basic_constraints.ca": True,
        "basic_constraints.path_len": 3,
        "san.dns": ["gmina.example", "bip.gmina.example"],
    }
    assert (found.self_issued, found.names) == (True, ("gmina.example", "bip.gmina.example"))
    assert read(_made(issuer="Centrum")).self_issued is False


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (rsa.generate_private_key(65537, 1024), "rsa", 1024),
        (ec.generate_private_key(ec.SECP521R1()), "ecdsa", 521),
        (ed25519.Ed25519PrivateKey.generate(), "ED25519", 256),
    ],
)
def test_keys(key: rsa.RSAPrivateKey, kind: str, bits: int) -> None:
    fields = read(_made(key=key)).fields
    assert (fields["certificate.key_type"], fields["certificate.key_length"]) == (kind, bits)
    assert fields.get("certificate.exponent") == ("65537" if kind == "rsa" else None)


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from([NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME, NameOID.COMMON_NAME]),
            st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30),
        ),
        min_size=1,
        max_size=5,
    ),
    serial=st.integers(1, 2**150),
)
@settings(max_examples=50)
def test_names_are_written_as_the_library_writes_them(
    parts: list[tuple[x509.ObjectIdentifier, str]], serial: int
) -> None:
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(_KEY.public_key())
    builder = builder.serial_number(serial).not_valid_before(_BEGIN).not_valid_after(_END)
    fields = read(builder.sign(_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)).fields
    assert fields["certificate.subject"] == name.rfc4514_string()
    assert fields["certificate.serial"] == f"{serial:X}"


def test_damage_harms_nobody() -> None:
    der = _made(hosts=("a.example", "b.example"), ca=True)
    survived = 0
    for at in range(len(der)):
        for wrong in (
            der[:at],
            der[:at] + bytes([der[at] ^ 0x81]) + der[at + 1 :],
            der[:at] + b"\x84\xff\xff\xff\xff" + der[at:],
        ):
            try:
                read(wrong)
                survived += 1
            except ALLOWED:
                continue
    assert survived < len(der) * 2


def test_nested_sequences_are_not_followed_down() -> None:
    deep = b""
    for _ in range(5000):
        size = len(deep)
        deep = (b"\x30\x84" + struct.pack("!I", size) if size > 127 else b"\x30" + bytes([size])) + deep
    with pytest.raises(ALLOWED):
        read(deep)


def test_more_names_than_are_kept() -> None:
    fields = read(_made(hosts=tuple(f"host{number}.example" for number in range(MAX_NAMES + 50)))).fields
    names = fields["san.dns"]
    assert isinstance(names, list)
    assert len(names) == MAX_NAMES


def test_a_certificate_is_read_once_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    der = _made()
    assert read(der) is read(der)
    monkeypatch.setattr(certificate, "MAX_CACHED", 3)
    first = read(der)
    for number in range(1, 5):
        read(_made(serial=number))
    assert len(certificate._cache) <= MAX_CACHED
    assert read(der) is not first


@pytest.mark.parametrize(
    ("tag", "raw", "said"),
    [
        (0x0C, "Gmina Łąka".encode(), "Gmina Łąka"),
        (0x1E, "Łąka".encode("utf-16-be"), "Łąka"),
        (0x14, b"K\xf6ln", "Köln"),
        (0x13, b"a\x00b\n", "a\\x00b\\x0a"),
        (0x0C, b"\xff\xfe", "ÿþ"),
    ],
)
def test_strings(tag: int, raw: bytes, said: str) -> None:
    assert text(tag, raw) == said


def test_identifiers_go_both_ways() -> None:
    for dotted in ("2.5.4.3", "1.2.840.113549.1.1.11", "0.9.2342.19200300.100.1.25", "2.999.1"):
        assert oids.decode(oids.encode(dotted)) == dotted
    assert len(oids.decode(b"\xff" * 1000)) < 100


def test_the_common_name_of_a_name() -> None:
    assert common_name("O=Gmina,CN=a.example,C=PL") == "a.example"
    assert common_name("O=Gmina") == ""
