"""A box that offers a version, as the appliance signs it."""

from __future__ import annotations

import base64
import time
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.wire.commands import UPDATE, Command, signed_bytes
from agent.wire.envelope import HEARTBEAT_PATH, UPDATE_PATH
from agent.wire.update import PIECE, Manifest
from appliance.packages.archive import Entry, zipped
from appliance.packages.sources import agent_files
from appliance.pki import Authority
from appliance.updates.signing import signed
from tests.agent.box import FakeBox

AGENT = "7e57"
"""Who the test box says that every agent is."""


def package(version: str, **changed: bytes) -> bytes:
    """The agent's own files as another version; `changed` by the module's name."""
    files = {entry.path: entry.data for entry in agent_files()}
    files["agent/__init__.py"] = f'"""The agent."""\n\n__version__ = "{version}"\n'.encode()
    files.update({f"agent/{name}.py": data for name, data in changed.items()})
    return zipped(Entry(path, data) for path, data in files.items())


class Offer:
    """Answers for one version; tests change what they want to be wrong."""

    def __init__(self, box: FakeBox, version: str, data: bytes) -> None:
        self.box, self.version, self.data = box, version, data
        self.authority = Authority(box.ca[1], box.ca[0])
        self.key = Ed25519PrivateKey.generate()
        self.manifest = Manifest(version, sha256(data).hexdigest(), len(data), 100, 0)
        self.asked: list[dict[str, Any]] = []
        box.answers[UPDATE_PATH] = self.answer

    def command(self) -> None:
        """Tell agents in the answers to their heartbeats."""
        command = Command(1, AGENT, UPDATE, self.version, time.time_ns() // 1000 + 3_600_000_000)
        statement = command.statement()
        signature = self.box.ca[1].sign(signed_bytes(statement), ec.ECDSA(hashes.SHA256())).hex()
        self.box.answers[HEARTBEAT_PATH] = lambda _beat: {
            "commands": [{"statement": statement, "signature": signature}]
        }

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        if "from" in asked:
            return {"data": base64.b64encode(self.data[asked["from"] :][:PIECE]).decode()}
        return dict(signed(self.authority, self.key, self.manifest))
