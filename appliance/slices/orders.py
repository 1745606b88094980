"""Requests as commands to their sensor, signed by the box's CA (agent/wire/commands.py)."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent.wire.commands import SLICE, Command, signed_bytes
from appliance.pki import Authority
from appliance.slices.asked import PATIENCE
from appliance.state.slices import PacketSlice


def orders(authority: Authority, rows: Iterable[PacketSlice]) -> list[dict[str, str]]:
    """Return commands as the answer to a heartbeat carries them."""
    commands = (Command(row.id, row.agent_id, SLICE, row.uid, row.asked_at + PATIENCE) for row in rows)
    return [order(authority, command) for command in commands]


def order(authority: Authority, command: Command) -> dict[str, str]:
    """Return one command with its signature."""
    statement = command.statement()
    signature = authority.key.sign(signed_bytes(statement), ec.ECDSA(hashes.SHA256()))
    return {"statement": statement, "signature": signature.hex()}
