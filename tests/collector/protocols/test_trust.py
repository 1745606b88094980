"""Chains judged by the office's roots, and certificates that only claim to have signed themselves."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysers.ssl_inside import faults
from collector.protocols.model import Value
from collector.protocols.tls import PROTOCOL
from collector.protocols.x509 import trust
from collector.protocols.x509.trust import (
    CHECKS,
    EARLY,
    EXPIRED,
    GOOD,
    MAX_CHAIN,
    SELF_ISSUED,
    SELF_SIGNED,
    UNKNOWN,
    WRONG,
    Trust,
)
from collector.settings import Unusable, trusted
from tests.collector.protocols.talk import flow_of, run, talks

NOW = 1_790_000_000
_AT = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Made(NamedTuple):
    name: str
    key: Key
    der: bytes


def make(name: str, signer: Made | None = None, *, key: Key | None = None, ca: bool = True, days: int = 30) -> Made:
    """Return a certificate; its own signer without another one; `days` below 0 is over."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    begin, end = sorted((_AT - datetime.timedelta(days=60), _AT + datetime.timedelta(days=days)))
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(signer.name if signer else name))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    by = signer.key if signer else own
    made = builder.sign(by, None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return Made(name, own, made.public_bytes(serialization.Encoding.DER))


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


ROOT = make("root")
MIDDLE = make("middle", ROOT)
LEAF = make("leaf", MIDDLE, ca=False)
OFFICE = Trust([ROOT.der])


def _status(judge: Trust, *chain: Made) -> str:
    return judge.status([one.der for one in chain], NOW)


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate(), None])
def test_a_chain_to_a_trusted_root_is_good(key: Key | None) -> None:
    root = make("another root", key=key)
    middle = make("middle", root, key=key)
    leaf = make("leaf", middle, ca=False)
    assert _status(Trust([ROOT.der, root.der]), leaf, middle) == GOOD
    assert _status(Trust([root.der]), leaf, middle, root) == GOOD
    assert _status(Trust([middle.der]), leaf) == GOOD
    assert _status(Trust([root.der]), root) == GOOD


def test_the_order_of_what_a_server_sends_and_what_else_it_sends_do_not_matter() -> None:
    assert _status(OFFICE, LEAF, make("other"), ROOT, MIDDLE) == GOOD


def test_what_does_not_end_at_a_root_is_said() -> None:
    stranger = make("stranger")
    assert _status(OFFICE, LEAF) == UNKNOWN
    assert _status(OFFICE, stranger) == SELF_SIGNED
    assert _status(OFFICE, make("leaf", stranger, ca=False), stranger) == SELF_SIGNED
    # A server's certificate signs nobody's.
    assert _status(OFFICE, make("forged", LEAF, ca=False), LEAF, MIDDLE) == UNKNOWN


def test_a_name_that_is_borrowed_is_no_signature() -> None:
    false_root = make("root")
    assert _status(OFFICE, make("leaf", false_root, ca=False)) == WRONG
    assert _status(OFFICE, make("leaf", false_root, ca=False), false_root) == SELF_SIGNED


def test_time_counts_for_each_certificate() -> None:
    assert _status(OFFICE, make("old", ROOT, ca=False, days=-1)) == EXPIRED
    over = make("over", ROOT, days=-1)
    assert _status(OFFICE, make("leaf", over, ca=False), over) == EXPIRED
    assert OFFICE.status([LEAF.der, MIDDLE.der], NOW - 90 * 86_400) == EARLY
    assert _status(Trust(), make("old", ROOT, ca=False, days=-1)) == EXPIRED


def test_without_roots_only_what_a_certificate_shows_by_itself_is_said() -> None:
    nobody = Trust()
    assert _status(nobody, LEAF, MIDDLE) == ""
    assert _status(nobody, make("printer")) == SELF_SIGNED


def test_who_names_itself_as_its_issuer_has_not_signed_itself_for_that() -> None:
    claimed = make("leaf", Made("leaf", ROOT.key, b""))
    assert _status(Trust(), claimed) == WRONG
    assert _status(OFFICE, claimed) == WRONG


def test_checks_of_a_second_are_bounded_and_remembered() -> None:
    judge, made = Trust(), [make(f"printer-{n}") for n in range(CHECKS + 1)]
    found = [judge.status([one.der], NOW) for one in made]
    assert found == [SELF_SIGNED] * CHECKS + [SELF_ISSUED]
    assert judge.status([made[0].der], NOW) == SELF_SIGNED
    assert judge.status([made[-1].der], NOW + 1) == SELF_SIGNED


def test_a_chain_in_a_ring_or_without_end_ends() -> None:
    one, other = make("one"), make("other")
    ring = [make("one", other), make("other", one)]
    assert _status(OFFICE, *ring) in {UNKNOWN, WRONG}
    long = [make("c0")]
    for number in range(1, 2 * MAX_CHAIN):
        long.append(make(f"c{number}", long[-1]))
    assert _status(Trust([long[0].der]), *reversed(long[1:])) == UNKNOWN


@settings(max_examples=50, deadline=None)
@given(place=st.integers(0, 400), flip=st.integers(1, 255))
def test_damage_makes_nothing_good(place: int, flip: int) -> None:
    wrong = bytearray(LEAF.der)
    wrong[place % len(wrong)] ^= flip
    try:
        status = Trust([ROOT.der]).status([bytes(wrong), MIDDLE.der], NOW)
    except (ValueError, IndexError):
        return
    assert status != GOOD


def test_a_handshake_and_its_certificate_say_how_it_ended() -> None:
    (talk,) = [talk for talk in talks("tls") if talk.name == "tls10"]
    logs = run(PROTOCOL, flow_of("tcp", 50123, 443), talk.turns)
    (ssl,) = [log.fields for log in logs if log.path == "ssl"]
    (first, *_) = [log.fields for log in logs if log.path == "x509"]
    assert ssl["validation_status"] == first["validation_status"] == SELF_SIGNED
    trust.use([ROOT.der])
    try:
        assert trust.used().status([LEAF.der, MIDDLE.der], NOW) == GOOD
    finally:
        trust.use(())


def test_a_good_chain_is_nothing_unusual() -> None:
    fields: dict[str, Value] = {"established": True, "version": "TLSv12", "cipher": "x"}
    assert faults({**fields, "validation_status": GOOD}, 443) == []
    assert faults({**fields, "validation_status": SELF_ISSUED}, 3389) == []
    assert faults({**fields, "validation_status": UNKNOWN}, 3389) == [UNKNOWN]


def test_a_file_of_roots_is_read_or_refused(tmp_path: Path) -> None:
    pem = b"".join(
        x509.load_der_x509_certificate(one.der).public_bytes(serialization.Encoding.PEM) for one in (ROOT, MIDDLE)
    )
    (file := tmp_path / "roots.pem").write_bytes(b"# CA\n" + pem)
    assert trusted(str(file)) == (ROOT.der, MIDDLE.der)
    assert trusted(None) == ()
    for wrong in (b"", b"no PEM", pem[:100], pem.replace(b"M", b"!", 3)):
        file.write_bytes(wrong)
        with pytest.raises(Unusable, match="PEM"):
            trusted(str(file))
    with pytest.raises(Unusable, match="Nie można czytać"):
        trusted(str(tmp_path / "none.pem"))
