"""TLS 1.0 to 1.3 over TCP: who talks to whom, with what, under which certificates; never what is said."""

from __future__ import annotations

from collector.protocols.model import Protocol, Side
from collector.protocols.tls.conversation import TlsConversation
from collector.protocols.tls.hello import old_hello


def recognises(side: Side, data: bytes) -> bool:
    """Tell whether a first payload begins with the record of a hello of a client or a server."""
    if data[:2] != b"\x16\x03":
        return old_hello(data) is not None
    return len(data) < 6 or (data[2] <= 4 and data[5] in (1, 2))


#: Nothing but a hello is TLS: what else comes on its ports is for others to recognise.
PROTOCOL = Protocol(
    name="ssl",
    transports=frozenset({"tcp"}),
    ports=frozenset(),
    recognises=recognises,
    open=TlsConversation,
)
