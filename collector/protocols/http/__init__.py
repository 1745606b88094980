"""HTTP/1 in clear: who asked whom for what, and what came back; bodies and passwords are never kept."""

from __future__ import annotations

from collector.protocols.http.conversation import HttpConversation, begins
from collector.protocols.model import Protocol, Side


def resumes(first: bytes) -> bool:
    """Packets that begin with a head, after the bodies between them were passed over."""
    return begins(Side.ORIG, first)


PROTOCOL = Protocol(
    name="http",
    transports=frozenset({"tcp"}),
    ports=frozenset(),
    recognises=begins,
    open=HttpConversation,
    resumes=resumes,
)
