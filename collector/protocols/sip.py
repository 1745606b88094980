"""SIP (RFC 3261): calls and registrations by their heads; what was agreed on is not kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from collector.protocols.frames import LINE, text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

METHODS = [
    "INVITE",
    "REGISTER",
    "OPTIONS",
    "BYE",
    "CANCEL",
    "ACK",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "MESSAGE",
    "REFER",
    "INFO",
    "PRACK",
    "UPDATE",
    "PING",
]
_FIRST = re.compile(rb"^([A-Z]{3,12}) (\S{1,2048}) SIP/2\.0$")
_STATUS = re.compile(rb"^SIP/2\.0 (\d{3})(?: (.*))?$")
#: Short forms of names (RFC 3261 7.3.3) and the names that are told → Zeek's fields, of requests and of answers.
_SHORT = MappingProxyType(
    {b"f": b"from", b"t": b"to", b"i": b"call-id", b"l": b"content-length", b"c": b"content-type"}
)
_ASKED = MappingProxyType({b"from": "request_from", b"to": "request_to"})
_SAID = MappingProxyType({b"from": "response_from", b"to": "response_to"})
_BOTH = MappingProxyType(
    {b"call-id": "call_id", b"cseq": "seq", b"user-agent": "user_agent", b"server": "user_agent", b"contact": "contact"}
)
#: A head's lines and bytes.
_LINES, _HEAD = 64, 16384
_BREAK = re.compile(rb"[\r\n]")
_USER = re.compile(rb'username="([^"]{1,128})"', re.IGNORECASE)
_QUIET = frozenset({"ACK", "PRACK", "NOTIFY", "PING"})
#: Bytes of what telephones send before anything else to keep a way open.
_FEW = 32
#: Answers that refuse a password, and those that refuse a registration (of a call they mean the number).
_REFUSALS, _REFUSED_PHONES = frozenset({401, 407}), frozenset({403, 404})
#: Requests with a password that wait for their answers.
_PROOFS = 64
#: A password that is right, though what it was mixed with is too old (RFC 7616 3.3).
_STALE = re.compile(rb"[\s,]stale\s{0,8}=\s{0,8}\"?true", re.IGNORECASE)


#: The user's part of an address with the password that may follow it (RFC 3261 19.1.1).
_SECRET = re.compile(rb"(\bsips?:[^:@\s<>\"]{0,256}:)[^@\s<>\"]{0,256}(?=@)", re.IGNORECASE)


def _address(value: bytes, fields: dict[str, Value]) -> str:
    """Return a text with addresses without the passwords in them; `fields` say so when there was one."""
    clean, found = _SECRET.subn(rb"\1***", value)
    if found:
        fields["cleartext_password"] = True
    return text(clean)


class Conversation:
    """One flow between a telephone and an exchange."""

    done = False

    def __init__(self, flow: Flow) -> None:
        self._stream = flow.transport == "tcp"
        self._spoken = False
        self._held = [b"", b""]
        self._skip = [0, 0]
        #: Who proved a password in which request: call and number → user.
        self._proofs: dict[tuple[str, str], Value] = {}

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram, or the next bytes of a side."""
        if not self._stream:
            return self._datagram(side, at, data)
        cut = min(self._skip[side], len(data))
        self._skip[side] -= cut
        self._held[side] += data[cut:]
        return self._cut(side, at)

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next message."""
        self._held[side], self._skip[side] = b"", 0
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()

    def _datagram(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a message; other datagrams keep a way open, unless more than a few bytes come before any message."""
        if recognises(side, data):
            self._spoken = True
            return self._read(side, at, data.partition(b"\r\n\r\n")[0])
        if not self._spoken and len(data) > _FEW:
            raise Malformed("sip_first_line")
        return ()

    def _cut(self, side: Side, at: int) -> list[Log]:
        found: list[Log] = []
        while True:
            # Empty lines keep the connection alive (RFC 5626 3.5.1).
            held = self._held[side].lstrip(b"\r\n")
            head, end, rest = held.partition(b"\r\n\r\n")
            if not end:
                if len(held) > _HEAD:
                    raise Malformed("sip_head_too_long")
                self._held[side] = held
                return found
            found += self._read(side, at, head)
            size = re.search(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,7})", head, re.IGNORECASE)
            body = int(size[1]) if size else 0
            self._skip[side] = max(0, body - len(rest))
            self._held[side] = rest[body:]

    def _read(self, side: Side, at: int, head: bytes) -> list[Log]:
        first, *lines = head[:_HEAD].split(b"\r\n")[:_LINES]
        asked, said = _FIRST.match(first), _STATUS.match(first)
        fields: dict[str, Value] = {}
        if asked:
            method = asked[1].decode("ascii")
            fields.update(method=method, uri=_address(asked[2], fields))
            if method in _QUIET:
                return []
        elif said:
            code = int(said[1])
            fields.update(status_code=code, status_msg=text(said[2] or b"", 64))
            if code == 100:
                return []
        else:
            raise Malformed("sip_first_line")
        stale = _headers(lines, fields, asked=bool(asked))
        fields["from_orig"] = side is Side.ORIG
        self._prove(fields, stale=stale)
        return [Log("sip", at, fields)]

    def _prove(self, fields: dict[str, Value], *, stale: bool) -> None:
        """Remember who signs in, and tell of the answer whether that went well."""
        key = str(fields.get("call_id")), str(fields.get("seq"))
        if "uri" in fields:
            if "user" in fields:
                self._proofs[key] = fields["user"]
                if len(self._proofs) > _PROOFS:
                    del self._proofs[next(iter(self._proofs))]
            return
        code = fields["status_code"]
        assert isinstance(code, int)
        if code < 200 or key not in self._proofs:
            return
        user = self._proofs.pop(key)
        refused = code in _REFUSALS or (code in _REFUSED_PHONES and fields.get("method") == "REGISTER")
        if code < 300 or (refused and not stale):
            fields.update(user=user, success=not refused)


def _headers(lines: list[bytes], fields: dict[str, Value], *, asked: bool) -> bool:
    """Read the header fields; return whether the answer says that a password was mixed with something too old."""
    own, stale = _ASKED if asked else _SAID, False
    for line in lines:
        # Nothing after half a line end belongs to a line: it might be a secret that damage has joined to it.
        name, _, value = _BREAK.split(line[:LINE], 1)[0].partition(b":")
        name, value = name.strip().lower(), value.strip()
        name = _SHORT.get(name, name)
        if name in own:
            fields[own[name]] = _address(value.partition(b";tag=")[0].strip(), fields)
        elif name in _BOTH:
            fields[_BOTH[name]] = _address(value, fields) if name == b"contact" else text(value)
        elif name in {b"authorization", b"proxy-authorization"}:
            found = _USER.search(value)
            if found:
                fields["user"] = text(found[1])
        elif name in {b"www-authenticate", b"proxy-authenticate"}:
            stale = stale or bool(_STALE.search(value))
    if "method" not in fields and "seq" in fields:
        # An answer belongs to the method that its number was given with.
        fields["method"] = str(fields["seq"]).rpartition(" ")[2]
    return stale


def recognises(_side: Side, data: bytes) -> bool:
    """Tell a SIP message by its first line."""
    if not data[:1].isalpha():
        return False
    first = data[:4096].partition(b"\r\n")[0]
    return bool(_STATUS.match(first) or (_FIRST.match(first) and first.partition(b" ")[0].decode() in METHODS))


PROTOCOL = Protocol(
    name="sip",
    transports=frozenset({"udp", "tcp"}),
    ports=frozenset({5060}),
    recognises=recognises,
    open=Conversation,
    resumes=lambda data: recognises(Side.ORIG, data),
)
