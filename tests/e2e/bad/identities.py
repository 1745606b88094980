"""Stations that enrol as agents do, and certificates that the box must not take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.wire.envelope import BATCH_PATH, ENROL_PATH, HEARTBEAT_PATH, KEY_HEADER, encode_record, pack
from agent.wire.event import Record
from agent.wire.sending.enrol_token import decode
from appliance.clock import DAY, now
from appliance.home import Home
from appliance.pki import ensure_pki, load_authority, sign_agent
from tests.e2e.box import Box


@dataclass(frozen=True, slots=True)
class Station:
    """An identity on disk: certificate and key in one file."""

    id: str
    pair: Path
    box: Box

    def client(self) -> httpx.Client:
        context = self.box.trust()
        context.load_cert_chain(self.pair)
        return httpx.Client(base_url=f"https://127.0.0.1:{self.box.gateway_port}", verify=context, timeout=20)

    def send(self, key: str, records: list[Record]) -> httpx.Response:
        body = pack(encode_record(record) for record in records)
        with self.client() as client:
            return client.post(BATCH_PATH, content=body, headers={KEY_HEADER: key})

    def heartbeat(self, hostname: str) -> httpx.Response:
        with self.client() as client:
            return client.post(HEARTBEAT_PATH, json={"hostname": hostname, "os": hostname, "version": hostname})


def enrolled(box: Box, folder: Path, hostname: str) -> Station:
    """Enrol a station with a token from the command line."""
    made = box.run("enrol-token", "create", "--url", f"https://127.0.0.1:{box.gateway_port}")
    token = decode(made.stdout)
    key = ec.generate_private_key(ec.SECP256R1())
    with httpx.Client(base_url=token.urls[0], verify=box.trust(), timeout=20) as client:
        facts = {"secret": token.secret, "csr": _request(key).decode(), "hostname": hostname, "os": "Windows 11"}
        answer = client.post(ENROL_PATH, json=facts)
    assert answer.status_code == 200, answer.text
    agent_id = str(answer.json()["agent_id"])
    return _kept(agent_id, folder, str(answer.json()["certificate"]), key, box)


def expired(box: Box, folder: Path) -> Station:
    """A certificate of the box's own CA whose time is over."""
    return _signed(box, folder, box.home, now() - 30 * DAY, days=1)


def foreign(box: Box, folder: Path) -> Station:
    """A certificate of another box's CA."""
    other = Home(folder / "obca")
    ensure_pki(other, [], now())
    return _signed(box, folder, other, now(), days=30)


def unknown(box: Box, folder: Path) -> Station:
    """A certificate of the box's own CA for an agent that it does not know."""
    return _signed(box, folder, box.home, now(), days=30)


def _signed(box: Box, folder: Path, signer: Home, moment: int, *, days: int) -> Station:
    key, identity = ec.generate_private_key(ec.SECP256R1()), "00000000-0000-4000-8000-00000000dead"
    issued = sign_agent(load_authority(signer), _request(key), identity, now=moment, days=days)
    return _kept(identity, folder, issued.pem, key, box)


def _kept(identity: str, folder: Path, certificate: str, key: ec.EllipticCurvePrivateKey, box: Box) -> Station:
    pair = folder / f"{identity}.pem"
    plain = serialization.NoEncryption()
    pair.write_text(
        certificate + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    )
    return Station(identity, pair, box)


def _request(key: ec.EllipticCurvePrivateKey) -> bytes:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)
