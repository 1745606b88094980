"""Who sends: the certificate says it, and the agents' table says whether it is still welcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

from sqlalchemy import Engine, select, update

from appliance.home import Home
from appliance.intake.replies import Refused
from appliance.pki import agent_id_of, expiry_of, fingerprint, importer_id
from appliance.state.models import Agent, AgentState


@dataclass(frozen=True, slots=True)
class Peer:
    """What a client certificate says: UUID, SHA-256 fingerprint, end of validity in microseconds."""

    id: str
    fingerprint: str
    expires_at: int
    hostname: str = ""
    """What its owner last called itself; the agents' table says it, not the certificate."""


def peer_of(cert_der: bytes | None) -> Peer | None:
    """Read a certificate that the TLS layer has verified; None when there is none or it names no agent."""
    identity = agent_id_of(cert_der) if cert_der else None
    if cert_der is None or identity is None:
        return None
    return Peer(identity, fingerprint(cert_der), expiry_of(cert_der))


class Directory:
    """Decides on each request whether a certificate is taken. Blocks for a database read; call it in a thread."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self._engine = engine
        self._importer = importer_id(home)
        self._importer_file = home.pki / "importer.pem"

    def is_importer(self, peer: Peer) -> bool:
        """Say whether this is the importer of this very machine."""
        return peer.id == self._importer

    def check(self, peer: Peer) -> Peer:
        """Return the sender with its name; raise Refused unless this is an active agent's certificate in force, or the
        local importer's.

        A certificate newer than the one in force comes from a renewal: its first use puts it in force, and the old
        one is then refused. So a renewal whose answer was lost locks nobody out.
        """
        if self.is_importer(peer):
            self._check_importer(peer)
            return peer
        with self._engine.connect() as connection:
            row = connection.execute(
                select(Agent.state, Agent.certificate, Agent.expires_at, Agent.hostname).where(Agent.id == peer.id)
            ).first()
        if row is None:
            raise Refused(403, "the box does not know this agent")
        if row.state == AgentState.QUARANTINE:
            raise Refused(403, "this station is held; a person decides")
        if row.state == AgentState.REPLACED:
            raise Refused(403, "this station's machine has enrolled again as another")
        if row.state != AgentState.ACTIVE:
            raise Refused(403, "this agent was revoked")
        if row.certificate != peer.fingerprint:
            if peer.expires_at <= row.expires_at:
                raise Refused(403, "this certificate was replaced by a newer one")
            self._adopt(peer, row.certificate)
        return replace(peer, hostname=row.hostname)

    def _check_importer(self, peer: Peer) -> None:
        if peer.fingerprint != _fingerprint_of(self._importer_file):
            raise Refused(403, "this certificate was replaced by a newer one")

    def _adopt(self, peer: Peer, old: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                update(Agent)
                .where(Agent.id == peer.id, Agent.certificate == old)
                .values(certificate=peer.fingerprint, expires_at=peer.expires_at)
            )


def _fingerprint_of(path: Path) -> str:
    try:
        return fingerprint(PEM_cert_to_DER_cert(path.read_text("ascii")))
    except (OSError, ValueError) as error:
        raise Refused(403, "the importer's certificate cannot be read") from error
