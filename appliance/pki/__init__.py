"""The box's own certificate authority: its certificates, and those it signs for agents."""

from __future__ import annotations

from appliance.pki.agents import CsrError, Issued, sign_agent
from appliance.pki.authority import Authority, PkiError, load_authority
from appliance.pki.identity import agent_id_of, ca_pin, expiry_of, fingerprint
from appliance.pki.setup import ensure_pki, importer_id, renew_pki

__all__ = [
    "Authority",
    "CsrError",
    "Issued",
    "PkiError",
    "agent_id_of",
    "ca_pin",
    "ensure_pki",
    "expiry_of",
    "fingerprint",
    "importer_id",
    "load_authority",
    "renew_pki",
    "sign_agent",
]
