"""What a state folder needs before the roles start: certificates, tables, the local token, the set-up link."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from appliance.accounts.setup import create_setup_link, needs_setup
from appliance.accounts.tokens import LOCAL_SCOPES, create_token
from appliance.clock import HOUR, now
from appliance.evidence.keys import ensure_key, grouped
from appliance.home import Home
from appliance.intake.enrolment import create_enrol_token
from appliance.pki import ensure_pki
from appliance.settings import Settings
from appliance.state.database import open_state
from appliance.state.migrate import migrate

LOCAL_TOKEN = "local"  # noqa: S105 - the token's name


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the terminal shows: the secret of the one-time set-up link, empty once somebody has an account.

    And the fingerprint of the evidence key, in groups, which is to be kept off the box.
    """

    setup_token: str
    evidence_key: str


def prepare(home: Home, settings: Settings) -> Prepared:
    """Make everything that is missing. Safe to repeat."""
    ensure_pki(home, [socket.gethostname(), *settings.names], now())
    engine = open_state(settings.database(home))
    migrate(engine)
    with sessionmaker(engine).begin() as session:
        _local_token(home, session)
        setup = create_setup_link(session, now()) if needs_setup(session) else ""
    engine.dispose()
    return Prepared(setup, grouped(ensure_key(home).fingerprint))


def agent_token(home: Home, settings: Settings) -> str:
    """Return an enrolment token for the agent of this machine, or nothing when it is enrolled."""
    if (home.agent / "identity.json").exists():
        return ""
    engine = open_state(settings.database(home))
    with sessionmaker(engine).begin() as session:
        url = f"https://127.0.0.1:{settings.gateway_port}"
        token = create_enrol_token(session, [url], home.ca.read_bytes(), uses=1, ttl=HOUR, now=now())
    engine.dispose()
    return token


def _local_token(home: Home, session: Session) -> None:
    if home.local_token.exists():
        return
    token = create_token(session, LOCAL_TOKEN, LOCAL_SCOPES, now())
    draft = home.local_token.with_suffix(f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(token)
    draft.replace(home.local_token)
