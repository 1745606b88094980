"""A newer version of the agent for a station that it is for: the signed statement, then the package piece by piece."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session, sessionmaker

from agent.wire.update import PIECE, is_version
from appliance.intake.reading import text_of, whole_of
from appliance.intake.replies import Refused
from appliance.packages import update
from appliance.pki import Authority
from appliance.state.updates import Rollout
from appliance.updates import rollouts
from appliance.updates.signing import signed


@dataclass(frozen=True, slots=True)
class Updates:
    """Answers stations about versions; `folder` holds the packages."""

    sessions: sessionmaker[Session]
    folder: Path
    authority: Authority
    key: Ed25519PrivateKey

    def answer(self, agent_id: str, asked: Mapping[str, object], now: int) -> Mapping[str, object]:
        """Return the statement about a version, or with `from` a piece of it; refuses what is not for this station."""
        version = text_of(asked, "version", 32, needed=True)
        with self.sessions() as session:
            row = rollouts.offered(session, agent_id, version, now) if is_version(version) else None
        if row is None:
            raise Refused(404, "there is no such version for this station")
        if "from" not in asked:
            return signed(self.authority, self.key, rollouts.manifest_of(row))
        return {"data": self._piece(row, whole_of(asked, "from"))}

    def _piece(self, row: Rollout, start: int) -> str:
        if start >= row.size:
            raise Refused(400, "the version ends before this")
        try:
            with (self.folder / update.name_of(row.version)).open("rb") as file:
                file.seek(start)
                return base64.b64encode(file.read(PIECE)).decode("ascii")
        except OSError as error:
            raise Refused(503, "the package cannot be read now", 60) from error
