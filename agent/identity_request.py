"""The only place that needs `cryptography`: a short-lived process, so that its 15 MB never stay in the agent.

`… pin` reads a CA certificate (PEM) and prints {"spki": sha256 of its public key, hex}.
`… verify CAFILE` reads {"statement": text, "signature": hex, "of": "policy", else a command} and prints {"valid":
whether the CA's key signed it}.
`… verify-update CAFILE` reads a statement about a version with its signatures (agent/wire/update.py), likewise.
`… csr KEYFILE` makes the key when there is none (EC P-256, private) and prints {"csr": PEM}.
Exit code 1 and one line on stderr when the input cannot be used.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from agent.wire import commands, policy, update
from agent.wire.sending.files import write_private
from agent.wire.sending.keysecret import key_secret


def pin(certificate: bytes) -> str:
    """Return the SHA-256 of the certificate's SubjectPublicKeyInfo, hex; raises ValueError for other input."""
    key = x509.load_pem_x509_certificate(certificate).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(spki).hexdigest()


def request(key_file: Path) -> str:
    """Return a certificate request (PEM) signed with the key in `key_file`; raises OSError or ValueError."""
    secret = key_secret(key_file, make=not key_file.exists())
    if not key_file.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        kept = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
        pem = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kept)
        write_private(key_file, pem)
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=secret)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not an elliptic curve key")  # noqa: TRY004 (the file's content, not a type)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "czujka-agent")])
    made_request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made_request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def valid(ca_file: Path, order: bytes) -> bool:
    """Return whether the CA of a file signed an order; raises OSError, and ValueError for what is none."""
    value = json.loads(order)
    signed_bytes = policy.signed_bytes if value.get("of") == "policy" else commands.signed_bytes
    try:
        signature = bytes.fromhex(value["signature"])
    except ValueError:  # of no form at all: not the CA's, whatever else works here
        return False
    return _by_ca(ca_file, signature, signed_bytes(value["statement"]))


def valid_update(ca_file: Path, order: bytes) -> bool:
    """Return whether a key that the CA of a file signed has signed a statement; raises as `valid`."""
    value = json.loads(order)
    public = bytes.fromhex(value["key"])
    if not _by_ca(ca_file, bytes.fromhex(value["key_signature"]), update.key_bytes(public)):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            bytes.fromhex(value["signature"]), update.signed_bytes(value["statement"])
        )
    except InvalidSignature:
        return False
    return True


def _by_ca(ca_file: Path, signature: bytes, data: bytes) -> bool:
    key = x509.load_pem_x509_certificate(ca_file.read_bytes()).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("the CA's key is not an elliptic curve key")  # noqa: TRY004 (the file's content, not a type)
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def main(argv: list[str]) -> int:
    """Run one of the actions."""
    try:
        answer = _answer(*argv)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if answer is None:
        sys.stderr.write("usage: identity_request pin | csr KEYFILE | verify CAFILE | verify-update CAFILE\n")
        return 2
    sys.stdout.write(json.dumps(answer))
    return 0


def _answer(action: str = "", *files: str) -> dict[str, str | bool] | None:
    """Do one of the actions; None when there is none of this name with as many files."""
    if (action, len(files)) == ("pin", 0):
        return {"spki": pin(_given())}
    if (action, len(files)) == ("csr", 1):
        return {"csr": request(Path(files[0]))}
    if (action, len(files)) == ("verify", 1):
        return {"valid": valid(Path(files[0]), _given())}
    if (action, len(files)) == ("verify-update", 1):
        return {"valid": valid_update(Path(files[0]), _given())}
    return None


def _given() -> bytes:
    return sys.stdin.buffer.read(64 * 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
