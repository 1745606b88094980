"""SSH: programs and algorithms of both sides, the server's key, and attempts to sign in by their sizes."""

from __future__ import annotations

from collector.protocols.model import Protocol, Side
from collector.protocols.ssh.conversation import SshConversation


def recognises(side: Side, data: bytes) -> bool:
    """Tell whether a first payload is a banner."""
    return data.startswith((b"SSH-2.", b"SSH-1."))


PROTOCOL = Protocol(
    name="ssh",
    transports=frozenset({"tcp"}),
    # A server may say other lines before its banner.
    ports=frozenset({22}),
    recognises=recognises,
    open=SshConversation,
)
