"""DNS over UDP and TCP, multicast DNS, LLMNR and the NetBIOS name service: one format, one log (Zeek's dns.log)."""

from __future__ import annotations

from struct import error, unpack_from

from collector.protocols.dns.codes import TYPES
from collector.protocols.dns.conversation import DnsConversation
from collector.protocols.dns.message import HEADER
from collector.protocols.dns.names import name_at
from collector.protocols.model import Malformed, Protocol, Side

_CLASSES = (1, 3, 255)


def recognises(side: Side, data: bytes) -> bool:
    """Tell whether a first payload is one DNS message with one question and nothing unusual (port 53 or not)."""
    if len(data) > HEADER + 2 and unpack_from("!H", data)[0] == len(data) - 2 and _is_message(data[2:]):
        return True
    return _is_message(data)


def _is_message(data: bytes) -> bool:
    if len(data) < HEADER + 5:
        return False
    _, flags, questions, answers, authorities, others = unpack_from("!HHHHHH", data)
    # Opcode 0, reserved bit 0; a question alone brings no records but EDNS and a signature.
    if questions != 1 or flags & 0x7840 or answers + authorities + others > 256:
        return False
    if not flags & 0x8000 and (flags & 15 or answers or authorities or others > 2):
        return False
    try:
        name, at = name_at(data, HEADER)
        kind, class_ = unpack_from("!HH", data, at)
    except (Malformed, IndexError, error):
        return False
    exact = flags & 0x8000 or others or at + 4 == len(data)
    return bool(exact) and kind in TYPES and class_ in _CLASSES and (name == "" or name.isprintable())


def resumes(first: bytes) -> bool:
    """Every message counts: a resolver's own questions may all go out of one port for days."""
    return len(first) >= HEADER


PROTOCOL = Protocol(
    name="dns",
    transports=frozenset({"udp", "tcp"}),
    ports=frozenset({53, 137, 5353, 5355}),
    recognises=recognises,
    open=DnsConversation,
    resumes=resumes,
)
