"""A small real box for the agent's tests: TLS 1.3 with client certificates, a CA, and a store that knows batch keys."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.wire.envelope import BATCH_PATH, ENROL_PATH, HEARTBEAT_PATH, KEY_HEADER, RENEW_PATH, EnvelopeError, unpack
from agent.wire.policy import Policy, signed_bytes
from agent.wire.sending.enrol_token import EnrolToken, encode

SECRET = "a-secret-good-for-one-enrolment"
PEM = serialization.Encoding.PEM
Certificate = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make_ca(name: str = "Czujka CA") -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key.public_key(), 365)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, days: float) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def issue(
    ca: Certificate, public_key: Any, *, server: bool, names: tuple[str, ...] = ("localhost", "127.0.0.1")
) -> bytes:
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server" if server else "agent")])
    sans: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
    ]
    made = (
        _builder(subject, ca[0].subject, public_key, 90)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(sans), critical=False)
    )
    return made.sign(ca[1], hashes.SHA256()).public_bytes(PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@dataclass
class Seen:
    """What the box holds: records a key, in order, and everything that was said."""

    batches: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    duplicates: int = 0
    conflicts: int = 0
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    enrolments: list[dict[str, Any]] = field(default_factory=list)
    renewals: int = 0

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for batch in list(self.batches.values()) for record in batch]


Fault = Callable[["Handler", str], bool]
"""Called before a request is served; True when it has dealt with it itself."""


class Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    protocol_version = "HTTP/1.1"
    box: FakeBox
    body = b""
    """Of the request that is being served."""

    def do_GET(self) -> None:
        fault = self.box.fault
        if fault is not None and fault(self, self.path):
            return
        self.reply(200, self.box.ca_pem) if self.path == "/v1/ca" else self.reply(404, b"{}")

    def do_POST(self) -> None:
        self.body = body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.box.fault
        if fault is not None and fault(self, self.path):
            return
        if self.path != ENROL_PATH and not self.connection.getpeercert():
            self.reply(401, b'{"detail":"no certificate"}')
            return
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        seen = self.box.seen
        if self.path in self.box.answers:
            self._answer(json.loads(body))
        elif self.path == BATCH_PATH:
            self._batch(body)
        elif self.path == HEARTBEAT_PATH:
            seen.heartbeats.append(json.loads(body))
            self.reply(200, b"{}")
        elif self.path == ENROL_PATH:
            asked = json.loads(body)
            seen.enrolments.append(asked)
            self._certify(asked) if asked["secret"] == SECRET else self.reply(403, '{"detail":"token zużyty"}'.encode())
        elif self.path == RENEW_PATH:
            seen.renewals += 1
            self._certify(json.loads(body))

    def _answer(self, asked: dict[str, Any]) -> None:
        if self.path == HEARTBEAT_PATH:
            self.box.seen.heartbeats.append(asked)
        self.reply(200, json.dumps(self.box.answers[self.path](asked)).encode())

    def _certify(self, asked: dict[str, Any]) -> None:
        request = x509.load_pem_x509_csr(asked["csr"].encode())
        assert request.is_signature_valid
        certificate = issue(self.box.ca, request.public_key(), server=False).decode()
        expires = int((datetime.now(UTC) + timedelta(days=90)).timestamp() * 1_000_000)
        answer = {"agent_id": "7e57", "certificate": certificate, "expires_at": expires, "ca": self.box.ca_pem.decode()}
        policy = self.box.policy
        offered = {} if policy is None else {"policy": self.box.signed(policy)}
        self.reply(200, json.dumps({**answer, **offered}).encode())

    def _batch(self, body: bytes) -> None:
        try:
            records = [json.loads(line) for line in unpack(body)]
        except (EnvelopeError, ValueError):
            self.reply(400, b'{"detail":"bad batch"}')
            return
        if any(record.get("poison") for record in records):
            self.reply(400, b'{"detail":"poison"}')
            return
        duplicate = self.box.keep(self.headers[KEY_HEADER], records)
        self.reply(200, json.dumps({"records": len(records), "duplicate": duplicate}).encode())

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it)
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that are kept: a box that is off answers on none."""
        for one in list(self._open):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class FakeBox:
    """A box on a free port of 127.0.0.1; `down` and `up` take it off and back on the same port."""

    def __init__(self, folder: Path, *, names: tuple[str, ...] = ("localhost", "127.0.0.1")) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = make_ca()
        self.ca_pem = self.ca[0].public_bytes(PEM)
        (folder / "ca.pem").write_bytes(self.ca_pem)
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / "server.key").write_bytes(key_pem(key))
        (folder / "server.pem").write_bytes(issue(self.ca, key.public_key(), server=True, names=names))
        self.seen = Seen()
        self.fault: Fault | None = None
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
        self.policy: Policy | None = None
        """What an enrolment is answered with besides."""
        self._lock = threading.Lock()
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def token(self, *, pin: str | None = None, secret: str = SECRET) -> str:
        spki = (
            self.ca[1]
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return encode(EnrolToken((self.url,), pin or sha256(spki).hexdigest(), secret))

    def signed(self, policy: Policy) -> dict[str, str]:
        """Return a policy as the box says it."""
        signature = self.ca[1].sign(signed_bytes(policy.statement()), ec.ECDSA(hashes.SHA256()))
        return {"statement": policy.statement(), "signature": signature.hex()}

    def client_files(self, ca: Certificate | None = None) -> tuple[Path, Path]:
        """Return certificate and key files of an agent."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, private = self.folder / "client.pem", self.folder / "client.key"
        certificate.write_bytes(issue(ca or self.ca, key.public_key(), server=False))
        private.write_bytes(key_pem(key))
        return certificate, private

    def keep(self, key: str, records: list[dict[str, Any]]) -> bool:
        with self._lock:
            known = self.seen.batches.get(key)
            if known is not None:
                self.seen.duplicates += 1
                self.seen.conflicts += known != records
                return True
            self.seen.batches[key] = records
            return False

    def up(self) -> None:
        handler = type("BoundHandler", (Handler,), {"box": self})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        context.load_verify_locations(self.folder / "ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server = _Server(("127.0.0.1", self.port), handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def down(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()
