"""HTTP/1 in clear: who asked whom for what, and what came back; bodies and passwords are never kept."""

from __future__ import annotations

from collector.protocols.http.conversation import PREFACE, HttpConversation, begins
from collector.protocols.http.heads import METHODS
from collector.protocols.model import Landmark, Protocol, Side

_WORDS = tuple(int.from_bytes((word + b" ")[:4], "big") for word in (b"HTTP", *sorted(METHODS), PREFACE))
"""What a head may begin with."""


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
    landmark=Landmark(0, _WORDS),
)
