"""A real gateway process with real certificates, and clients for it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.orm import Session

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, pack
from appliance import clock
from appliance.clock import DAY
from appliance.home import CHECKOUT, Home
from appliance.intake.enrolment import create_enrol_token
from appliance.pki import ensure_pki, importer_id, load_authority, sign_agent
from appliance.state.database import open_state
from appliance.state.models import Agent, Base

Answer = tuple[int, dict[str, object], dict[str, str]]
NUMBERS = count(100)
"""Of stations; no two of one box have the same."""
LINE = b'{"event.module":"json"}'


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def make_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@dataclass
class Station:
    """An agent's identity on disk."""

    id: str
    pair: Path
    key: ec.EllipticCurvePrivateKey

    def keep(self, certificate: str) -> None:
        self.pair.write_text(certificate + key_pem(self.key))


@dataclass
class Box:
    home: Home
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    program: tuple[str, ...] = ("appliance",)
    """The module that is started, and what stands before the box's own arguments."""

    @cached_property
    def engine(self) -> Engine:
        return create_engine(f"sqlite:///{self.home.state}", poolclass=NullPool)

    def start(self) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "CZUJKA_GATEWAY_PORT": str(self.port),
            **self.environment,
        }
        command = [sys.executable, "-m", *self.program, "role", "gateway", "--home", str(self.home.root)]
        with (self.home.root / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(self.listens)

    def listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home.root / "gateway.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def token(self, uses: int = 1, ttl: int = clock.HOUR) -> str:
        with Session(self.engine) as session, session.begin():
            urls = [f"https://127.0.0.1:{self.port}"]
            return create_enrol_token(session, urls, self.home.ca.read_bytes(), uses=uses, ttl=ttl, now=clock.now())

    def station(self, number: int = 1, *, expires_in_days: int = 180) -> Station:
        key, identity = ec.generate_private_key(ec.SECP256R1()), f"00000000-0000-4000-8000-{number:012d}"
        life = 400
        begun = clock.now() - (life - expires_in_days) * DAY
        issued = sign_agent(load_authority(self.home), make_request(key), identity, now=begun, days=life)
        station = Station(identity, self.home.root / f"station{number}.pem", key)
        station.keep(issued.pem)
        with Session(self.engine) as session, session.begin():
            session.add(
                Agent(
                    id=identity,
                    hostname=f"PC-{number}",
                    certificate=issued.fingerprint,
                    expires_at=issued.expires_at,
                    enrolled_at=clock.now(),
                )
            )
        return station

    def importer(self) -> Station:
        pair = self.home.root / "importer-pair.pem"
        pair.write_bytes((self.home.pki / "importer.pem").read_bytes() + (self.home.pki / "importer.key").read_bytes())
        return Station(importer_id(self.home), pair, ec.generate_private_key(ec.SECP256R1()))

    def tls(self, pair: Path | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.home.ca))
        if pair:
            context.load_cert_chain(pair)
        return context

    def connect(self, station: Station | None) -> http.client.HTTPSConnection:
        context = self.tls(station.pair if station else None)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)

    def call(
        self,
        station: Station | None,
        path: str,
        body: bytes | dict[str, object] | None,
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        connection = self.connect(station)
        try:
            return exchange(connection, path, body, headers, method)
        finally:
            connection.close()

    def send(self, station: Station | None, key: str, lines: list[bytes]) -> Answer:
        return self.call(station, BATCH_PATH, pack(lines), {KEY_HEADER: key})


def exchange(
    connection: http.client.HTTPSConnection,
    path: str,
    body: bytes | dict[str, object] | None,
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    connection.request(method, path, content, headers or {})
    response = connection.getresponse()
    text = response.read()
    value = json.loads(text) if response.getheader("content-type") == "application/json" else {"text": text.decode()}
    return response.status, value, {name.lower(): value for name, value in response.getheaders()}


@contextmanager
def running_box(folder: Path, **environment: str) -> Iterator[Box]:
    box = prepared_box(folder, **environment)
    box.start()
    try:
        yield box
    finally:
        if box.process is not None and box.process.poll() is None:
            assert box.stop() == 0


def prepared_box(folder: Path, **environment: str) -> Box:
    home = Home(folder)
    ensure_pki(home, [], clock.now())
    box = Box(home, free_port(), environment)
    engine = open_state(f"sqlite:///{home.state}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return box


def agent_row(box: Box, identity: str) -> Agent:
    with Session(box.engine) as session:
        return session.get_one(Agent, identity)


def refused(box: Box, pair_owner: Station | None) -> bool:
    """Whether the gateway takes nothing from this certificate: by the handshake, or with 401 or 403."""
    try:
        return box.send(pair_owner, "k", [LINE])[0] in {401, 403}
    except (ssl.SSLError, ConnectionError, http.client.BadStatusLine):
        return True
