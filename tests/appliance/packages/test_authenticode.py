"""The service host and the MSI signed with a key made here: both are checked, and what was changed since is refused."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.packages import msi
from appliance.packages.authenticode import Signing, check, sign
from appliance.packages.wheels import PackageError
from tests.agent.box import PEM, Certificate, make_ca


def signing(folder: Path, ca: Certificate, *chain: x509.Certificate) -> Signing:
    """A key for code, its certificate and what stands behind it in the file."""
    key = rsa.generate_private_key(65537, 2048)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Urząd Gminy")]))
        .issuer_name(ca[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(ca[1], hashes.SHA256())
    )
    made = Signing(folder / "code.pem", folder / "code.key")
    made.certificate.write_bytes(b"".join(one.public_bytes(PEM) for one in (certificate, *chain)))
    made.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service host, not signed."""
    path = tmp_path_factory.mktemp("host") / msi.HOST
    msi.host(path, None)
    return path


def test_host_and_msi_are_signed_and_a_changed_byte_is_found(tmp_path: Path) -> None:
    ca = make_ca("Authority for code")
    signer = signing(tmp_path, ca, ca[0])
    package = tmp_path / "agent.msi"
    package.write_bytes(msi.build([], [], sign=signer))
    check(package, signer.certificate)
    subprocess.run(["msiextract", "-C", tmp_path / "files", package], check=True, capture_output=True)
    (host,) = (tmp_path / "files").rglob(msi.HOST)
    check(host, signer.certificate)
    data = bytearray(host.read_bytes())
    data[len(data) // 2] ^= 1
    host.write_bytes(data)
    with pytest.raises(PackageError, match="nie przechodzi sprawdzenia"):
        check(host, signer.certificate)


def test_a_chain_that_ends_nowhere_leaves_the_program_as_it_was(tmp_path: Path, program: Path) -> None:
    before = program.read_bytes()
    with pytest.raises(PackageError, match="aż do głównego"):
        sign(program, signing(tmp_path, make_ca("Authority for code")))
    assert program.read_bytes() == before


def test_a_key_of_another_certificate_signs_nothing(tmp_path: Path, program: Path) -> None:
    before, ca = program.read_bytes(), make_ca()
    (tmp_path / "other").mkdir()
    one, other = signing(tmp_path, ca, ca[0]), signing(tmp_path / "other", ca, ca[0])
    with pytest.raises(PackageError, match="osslsigncode"):
        sign(program, Signing(one.certificate, other.key))
    assert program.read_bytes() == before
