"""Kerberos (RFC 4120, MS-KILE): who asks for which ticket, with which cipher, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from collector.protocols import ber
from collector.protocols.frames import Frames, text
from collector.protocols.kerberos_names import CIPHERS, ERRORS
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

AS_REQ, AS_REP, TGS_REQ, TGS_REP, ERROR = 0x6A, 0x6B, 0x6C, 0x6D, 0x7E
_REQUESTS = MappingProxyType({AS_REQ: "AS", TGS_REQ: "TGS"})
_REPLIES = MappingProxyType({AS_REP: "AS", TGS_REP: "TGS"})
#: Requests of one flow that wait for their answer.
_PENDING = 8
#: The first answer to nearly every sign-in; it asks to try again and says nothing of success.
_PREAUTH_REQUIRED = ERRORS[25]
#: What proves the password before a ticket is given (RFC 4120 5.2.7, RFC 4556, RFC 6113): without it, the answer can
#: be taken away and guessed at.
_PROOFS = frozenset({2, 16, 17, 138})
_FORWARDABLE, _RENEWABLE = 0x40000000, 0x00800000


class Conversation:
    """One flow between a client and a key distribution centre, over UDP or TCP."""

    done = False

    def __init__(self, flow: Flow) -> None:
        self._sides = tuple(Frames(4, _length) for _ in Side) if flow.transport == "tcp" else None
        self._pending: list[dict[str, Value]] = []

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        messages = [message[4:] for message in self._sides[side].feed(data)] if self._sides else [data]
        return [log for message in messages if message for log in self._read(at, message)]

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next message."""
        if self._sides:
            self._sides[side].lost()
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell requests that were never answered."""
        waiting, self._pending = self._pending, []
        return [Log("kerberos", at, fields) for fields in waiting]

    def _read(self, at: int, message: bytes) -> Iterator[Log]:
        tag, start, end = ber.head(message, 0, len(message))
        if tag in _REQUESTS:
            self._pending.append(_request(message, tag, ber.inner(message, (start, end), ber.SEQUENCE)))
            del self._pending[:-_PENDING]
        elif tag in _REPLIES:
            fields = _reply(message, tag, ber.inner(message, (start, end), ber.SEQUENCE))
            yield Log("kerberos", at, {**self._asked(_REPLIES[tag]), **fields})
        elif tag == ERROR:
            yield from self._failed(at, message, ber.inner(message, (start, end), ber.SEQUENCE))
        elif tag not in {0x6E, 0x6F, 0x74, 0x75, 0x76}:
            raise Malformed("kerberos_message_type")

    def _failed(self, at: int, message: bytes, place: tuple[int, int]) -> Iterator[Log]:
        parts = ber.members(message, *place)
        said = error(message, parts[0xA6])
        asked = self._asked("")
        if said == _PREAUTH_REQUIRED:
            return
        fields: dict[str, Value] = {"success": False, "error_msg": said}
        if 0xA8 in parts and "client" not in asked:
            fields["client"] = _client(message, parts, 0xA8, 0xA7)
        if 0xAA in parts and "service" not in asked:
            fields["service"] = name(message, parts[0xAA])
        yield Log("kerberos", at, {**asked, **fields})

    def _asked(self, kind: str) -> dict[str, Value]:
        """Take the oldest request of a kind (of any kind where it is empty)."""
        for number, fields in enumerate(self._pending):
            if kind in {"", fields["request_type"]}:
                return self._pending.pop(number)
        return {"request_type": kind} if kind else {}


def _length(data: bytes, at: int) -> int:
    size = int.from_bytes(data[at : at + 4], "big")
    if size >= 1 << 20:
        raise Malformed("kerberos_record_length")
    return 4 + size


def _string(message: bytes, place: tuple[int, int]) -> str:
    _, start, end = ber.head(message, *place)
    return text(message[start:end])


def name(message: bytes, place: tuple[int, int]) -> str:
    """Return the name of a principal, its parts joined by `/`."""
    parts = ber.members(message, *ber.inner(message, place, ber.SEQUENCE))
    names = ber.inner(message, parts[0xA1], ber.SEQUENCE) if 0xA1 in parts else (0, 0)
    return "/".join(text(message[start:end]) for _, start, end in ber.items(message, *names))


def _client(message: bytes, parts: dict[int, tuple[int, int]], user: int, realm: int) -> str:
    """Return a client as Zeek writes it: name/REALM."""
    return f"{name(message, parts[user])}/{_string(message, parts[realm]) if realm in parts else ''}"


def _numbers(message: bytes, place: tuple[int, int]) -> list[int]:
    values = ber.items(message, *ber.inner(message, place, ber.SEQUENCE))
    return [ber.integer(message, start, end) for _, start, end in values]


def cipher(message: bytes, place: tuple[int, int]) -> str:
    """Return the name of the cipher of a sealed part (EncryptedData)."""
    parts = ber.members(message, *ber.inner(message, place, ber.SEQUENCE))
    number = ber.integer(message, *ber.inner(message, parts[0xA0], ber.INTEGER))
    return CIPHERS.get(number, f"unknown-{number}")


def error(message: bytes, place: tuple[int, int]) -> str:
    """Return the name of an error's code."""
    code = ber.integer(message, *ber.inner(message, place, ber.INTEGER))
    return ERRORS.get(code, f"KRB_ERROR_{code}")


def _request(message: bytes, tag: int, place: tuple[int, int]) -> dict[str, Value]:
    parts = ber.members(message, *place)
    body = ber.members(message, *ber.inner(message, parts[0xA4], ber.SEQUENCE))
    fields: dict[str, Value] = {"request_type": _REQUESTS[tag]}
    if 0xA1 in body:
        fields["client"] = _client(message, body, 0xA1, 0xA2)
    if 0xA3 in body:
        fields["service"] = name(message, body[0xA3])
    if 0xA8 in body:
        wanted = _numbers(message, body[0xA8])[:16]
        fields["requested_ciphers"] = [CIPHERS.get(number, f"unknown-{number}") for number in wanted]
    if 0xA0 in body:
        _, start, end = ber.head(message, *body[0xA0])
        options = int.from_bytes(message[start + 1 : min(end, start + 5)], "big")
        fields.update(forwardable=bool(options & _FORWARDABLE), renewable=bool(options & _RENEWABLE))
    if tag == AS_REQ:
        fields["preauth"] = not _PROOFS.isdisjoint(_kinds(message, parts))
    return fields


def _kinds(message: bytes, parts: dict[int, tuple[int, int]]) -> Iterator[int]:
    """Go through the kinds of the data that stand before the request proper."""
    if 0xA3 not in parts:
        return
    for tag, start, end in ber.items(message, *ber.inner(message, parts[0xA3], ber.SEQUENCE)):
        if tag != ber.SEQUENCE:
            raise Malformed("kerberos_padata")
        yield ber.integer(message, *ber.inner(message, ber.members(message, start, end)[0xA1], ber.INTEGER))


def _reply(message: bytes, tag: int, place: tuple[int, int]) -> dict[str, Value]:
    """Return the fields of a reply.

    `cipher` is what guessing would have to break: of a service's ticket that of the ticket, of a sign-in that of the
    part that is made with the user's own key (a ticket-granting ticket is made with the domain's, `ticket_cipher`).
    """
    parts = ber.members(message, *place)
    ticket = ber.members(message, *ber.inner(message, _ticket(message, parts[0xA5]), ber.SEQUENCE))
    sealed = cipher(message, ticket[0xA3])
    fields: dict[str, Value] = {
        "client": _client(message, parts, 0xA4, 0xA3),
        "service": name(message, ticket[0xA2]),
        "success": True,
        "cipher": sealed if tag == TGS_REP else cipher(message, parts[0xA6]),
    }
    if tag == AS_REP:
        fields["ticket_cipher"] = sealed
    return fields


def _ticket(message: bytes, place: tuple[int, int]) -> tuple[int, int]:
    return ber.inner(message, place, 0x61)


def _recognises(_side: Side, data: bytes) -> bool:
    """Tell a request, over UDP or (after four bytes of length) over TCP: its tag, a sequence, version 5."""
    return any(
        data[at : at + 1] in {b"\x6a", b"\x6c"} and data.find(b"\xa1\x03\x02\x01\x05", at, at + 16) > 0 for at in (0, 4)
    )


PROTOCOL = Protocol(
    name="krb",
    transports=frozenset({"tcp", "udp"}),
    ports=frozenset({88}),
    recognises=_recognises,
    open=Conversation,
)
