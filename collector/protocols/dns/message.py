"""One DNS message: header, questions and answers (RFC 1035, 6891)."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct, unpack_from

from collector.protocols.dns.names import after_name, name_at, netbios
from collector.protocols.dns.records import say, say_netbios
from collector.protocols.model import Malformed

HEADER = 12
MAX_QUESTIONS = 16
MAX_RECORDS = 128
"""Records of one message that are read; the rest is left unread."""
OPT = 41
_COUNTS = Struct("!HHHHHH")
_RECORD = Struct("!HHIH")


@dataclass(slots=True)
class Message:
    """What a message says. `records` is how many resource records it announces in all its sections."""

    ident: int
    flags: int
    records: int
    questions: list[tuple[str, int, int]] = field(default_factory=list)
    """Name, type and class."""
    answers: list[str] = field(default_factory=list)
    ttls: list[float] = field(default_factory=list)
    first: tuple[str, int, int] | None = None
    """Name, type and class of the first answer of a message without a question: what it is about."""
    extended: int = 0
    """The upper bits of the response code (RFC 6891, 6.1.3)."""

    @property
    def response(self) -> bool:
        """Whether it answers."""
        return self.flags & 0x8000 != 0

    @property
    def opcode(self) -> int:
        """What is asked for; 0 is a query."""
        return self.flags >> 11 & 15

    @property
    def rcode(self) -> int:
        """The response code with its upper bits."""
        return self.extended << 4 | self.flags & 15


def header(data: bytes, size: int) -> tuple[int, int, int, int, int, int]:
    """Return the six numbers that a message begins with. Raises Malformed when its size has no room for its parts."""
    ident, flags, questions, *records = _COUNTS.unpack_from(data)
    if not flags & 0x200 and questions * 5 + sum(records) * 11 > size - HEADER:
        raise Malformed("DNS_Conn_count_too_large")
    return ident, flags, questions, *records


def read(data: bytes, *, of_netbios: bool = False) -> Message:
    """Return what a message says. Raises Malformed, IndexError and struct.error."""
    if len(data) < HEADER:
        raise Malformed("DNS_truncated_len_lt_hdr_len")
    ident, flags, questions, answers, authorities, others = header(data, len(data))
    found = Message(ident, flags, answers + authorities + others)
    at = HEADER
    for _ in range(min(questions, MAX_QUESTIONS)):
        name, at = name_at(data, at)
        kind, class_ = unpack_from("!HH", data, at)
        # The top bit asks for an answer to the asker alone (RFC 6762, 5.4).
        found.questions.append((netbios(name) if of_netbios else name, kind, class_ & 0x7FFF))
        at += 4
    # What was cut to fit comes again over TCP; the records of an update are not answers.
    if questions <= MAX_QUESTIONS and flags & 0x8200 == 0x8000 and found.opcode != 5:
        _read_records(data, at, answers, found, of_netbios=of_netbios)
    return found


def _read_records(data: bytes, at: int, answers: int, found: Message, *, of_netbios: bool) -> None:
    for number in range(min(found.records, MAX_RECORDS)):
        start, at = at, after_name(data, at)
        kind, class_, ttl, size = _RECORD.unpack_from(data, at)
        at += 10
        stop = at + size
        if stop > len(data):
            raise Malformed("DNS_truncated_RR_rdlength_lt_len")
        if kind == OPT:
            found.extended = ttl >> 24
        elif number < answers:
            said = say_netbios(kind, data, at, stop) if of_netbios else [say(kind, data, at, stop)]
            found.answers += said
            found.ttls += [float(ttl)] * len(said)
            if not found.questions and not found.first:
                name, _ = name_at(data, start)
                found.first = (netbios(name) if of_netbios else name, kind, class_ & 0x7FFF)
        at = stop
