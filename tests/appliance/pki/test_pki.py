"""The box's certificate authority."""

from __future__ import annotations

import ipaddress
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, from_datetime
from appliance.home import Home
from appliance.pki import (
    CsrError,
    PkiError,
    agent_id_of,
    ca_pin,
    ensure_pki,
    expiry_of,
    fingerprint,
    importer_id,
    load_authority,
    renew_pki,
    sign_agent,
)
from appliance.pki.agents import csr_key

NOW = 1_790_000_000_000_000
AGENT = "5f8e3a9e-0000-4000-8000-000000000001"
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    ensure_pki(home, ["czujka.urzad.pl"], NOW)
    return home


def request(key: Key) -> bytes:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, algorithm)
    return made.public_bytes(serialization.Encoding.PEM)


def server(home: Home) -> x509.Certificate:
    return x509.load_pem_x509_certificate((home.pki / "server.pem").read_bytes())


def der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


def test_keys_are_readable_by_their_owner_alone(home: Home) -> None:
    keys = list(home.pki.glob("*.key"))
    assert {key.name for key in keys} == {"ca.key", "server.key", "importer.key"}
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)
    assert stat.S_IMODE(home.pki.stat().st_mode) == 0o700


def test_openssl_accepts_what_the_ca_signed_for_its_purpose_only(home: Home) -> None:
    def verify(purpose: str, name: str) -> int:
        moment = str(NOW // 1_000_000)
        files = [str(home.ca), str(home.pki / name)]
        command = ["openssl", "verify", "-attime", moment, "-purpose", purpose, "-CAfile", *files]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert verify("sslserver", "server.pem") == 0
    assert verify("sslclient", "server.pem") != 0
    assert verify("sslclient", "importer.pem") == 0
    assert verify("sslserver", "importer.pem") != 0


def test_server_certificate_names_this_machine_and_what_was_asked(home: Home) -> None:
    names = server(home).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "czujka.urzad.pl"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = set(names.get_values_for_type(x509.IPAddress))
    assert {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")} <= addresses


def test_repeating_changes_nothing(home: Home) -> None:
    before = {path: path.read_bytes() for path in [home.ca, *home.pki.iterdir()]}
    ensure_pki(home, ["czujka.urzad.pl"], NOW + DAY)
    assert {path: path.read_bytes() for path in [home.ca, *home.pki.iterdir()]} == before


@pytest.mark.parametrize(("names", "later"), [(["inna.urzad.pl"], 0), (["czujka.urzad.pl"], 250 * DAY)])
def test_server_certificate_is_renewed_for_new_names_and_with_a_third_left(
    home: Home, names: list[str], later: int
) -> None:
    before, authority = server(home).serial_number, home.ca.read_bytes()
    ensure_pki(home, names, NOW + later)
    assert server(home).serial_number != before
    assert home.ca.read_bytes() == authority


def test_renewal_keeps_the_names(home: Home) -> None:
    before = server(home)
    renew_pki(home, NOW + 300 * DAY)
    after = server(home)
    assert after.serial_number != before.serial_number
    names = [c.extensions.get_extension_for_class(x509.SubjectAlternativeName).value for c in (before, after)]
    assert names[0] == names[1]


def test_importer_keeps_its_identity_through_renewal(home: Home) -> None:
    identity = importer_id(home)
    renew_pki(home, NOW + 300 * DAY)
    assert importer_id(home) == identity
    assert agent_id_of(der((home.pki / "importer.pem").read_text())) == identity


def test_a_torn_pair_is_mended(home: Home) -> None:
    (home.pki / "server.pem").write_bytes(b"-----BEGIN CERT")
    ensure_pki(home, [], NOW)
    assert server(home).issuer == load_authority(home).certificate.subject


def test_a_name_that_is_no_name_is_left_out(home: Home) -> None:
    ensure_pki(home, ["żółw", "a b", "<b>", "", "x" * 300], NOW)
    names = server(home).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert not {"a b", "<b>", "żółw", ""} & set(names.get_values_for_type(x509.DNSName))


@pytest.mark.parametrize("name", ["ca.pem", "pki/ca.key"])
@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_ca_is_named(home: Home, name: str, content: bytes) -> None:
    (home.root / name).write_bytes(content)
    with pytest.raises(PkiError, match=name.rpartition("/")[2]):
        ensure_pki(home, [], NOW)


def test_a_ca_that_does_not_match_its_key_is_named(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    ensure_pki(other, [], NOW)
    home.ca.write_bytes(other.ca.read_bytes())
    with pytest.raises(PkiError, match="nie pasuje"):
        load_authority(home)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()])
def test_agent_certificate_is_a_client_certificate_for_its_uuid(home: Home, key: Key) -> None:
    issued = sign_agent(load_authority(home), request(key), AGENT, now=NOW)
    content = der(issued.pem)
    certificate = x509.load_der_x509_certificate(content)
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert agent_id_of(content) == AGENT
    assert fingerprint(content) == issued.fingerprint
    assert expiry_of(content) == issued.expires_at == from_datetime(certificate.not_valid_after_utc)
    assert issued.expires_at == NOW + 180 * DAY


def test_a_later_certificate_ends_later_though_the_clock_went_back(home: Home) -> None:
    authority, key = load_authority(home), ec.generate_private_key(ec.SECP256R1())
    first = sign_agent(authority, request(key), AGENT, now=NOW)
    second = sign_agent(authority, request(key), AGENT, now=NOW - DAY, after=first.expires_at)
    assert second.expires_at > first.expires_at


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)], ids=["P-384", "RSA"]
)
def test_other_keys_are_refused(home: Home, key: Key) -> None:
    with pytest.raises(CsrError, match="P-256"):
        sign_agent(load_authority(home), request(key), AGENT, now=NOW)


def test_a_request_without_proof_of_the_key_is_refused(home: Home) -> None:
    text = request(ec.generate_private_key(ec.SECP256R1()))
    content = bytearray(x509.load_pem_x509_csr(text).public_bytes(serialization.Encoding.DER))
    content[-1] ^= 1
    forged = subprocess.run(
        ["openssl", "req", "-inform", "DER", "-outform", "PEM"], input=bytes(content), capture_output=True, check=True
    )
    with pytest.raises(CsrError, match="signature"):
        sign_agent(load_authority(home), forged.stdout, AGENT, now=NOW)


def test_a_request_past_the_bound_is_refused(home: Home) -> None:
    text = request(ec.generate_private_key(ec.SECP256R1())) + b"\n" * 4096
    with pytest.raises(CsrError, match="longer than 4096"):
        sign_agent(load_authority(home), text, AGENT, now=NOW)


@given(st.binary(max_size=300))
def test_whatever_is_no_request_is_refused(rubbish: bytes) -> None:

    with pytest.raises(CsrError):
        csr_key(rubbish)


@given(st.binary(max_size=300))
def test_whatever_is_no_certificate_has_no_identity(rubbish: bytes) -> None:
    assert agent_id_of(rubbish) is None


def test_a_server_certificate_has_no_agent_identity(home: Home) -> None:
    assert agent_id_of(der((home.pki / "server.pem").read_text())) is None


def test_the_pin_is_the_hash_of_the_cas_key(home: Home) -> None:
    key = subprocess.run(["openssl", "x509", "-in", home.ca, "-pubkey", "-noout"], capture_output=True, check=True)
    content = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=key.stdout, capture_output=True, check=True
    )
    digest = subprocess.run(["openssl", "sha256", "-r"], input=content.stdout, capture_output=True, check=True)
    assert ca_pin(home.ca.read_bytes()) == digest.stdout.split()[0].decode()
