"""LDAP (RFC 4511): how somebody signed in, what the directory was searched for; no password and no answer is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from collector.protocols import ber
from collector.protocols.frames import Frames, text
from collector.protocols.gss import SignIn
from collector.protocols.ldap_filter import written
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value
from collector.protocols.signin import plain

_BIND, _BIND_DONE, _SEARCH, _ENTRY, _SEARCH_DONE = 0x60, 0x61, 0x63, 0x64, 0x65
_EXTENDED, _EXTENDED_DONE, _REFERENCE = 0x77, 0x78, 0x73
_START_TLS = b"1.3.6.1.4.1.1466.20037"
#: Requests that change the directory → Zeek's word, and the tag of the answer.
_CHANGES = MappingProxyType(
    {
        0x66: ("modify", 0x67),
        0x68: ("add", 0x69),
        0x4A: ("delete", 0x6B),
        0x6C: ("modify DN", 0x6D),
        0x6E: ("compare", 0x6F),
    }
)
_ANSWERS = frozenset(answer for _, answer in _CHANGES.values()) | {_BIND_DONE, _SEARCH_DONE, _EXTENDED_DONE}
#: What a connection begins with, and at what reading is taken up again: the answers to sign-ins, not what is found.
_FIRST = frozenset({_BIND, _SEARCH, _EXTENDED})
_RESUMED = _FIRST | {_BIND_DONE, _EXTENDED_DONE}
_QUIET = frozenset({0x42, 0x50, _REFERENCE, 0x79})
_SCOPES = ("base", "single", "tree")
_RESULTS = MappingProxyType(
    {
        0: "success",
        1: "operationsError",
        2: "protocolError",
        3: "timeLimitExceeded",
        4: "sizeLimitExceeded",
        7: "authMethodNotSupported",
        8: "strongerAuthRequired",
        10: "referral",
        14: "saslBindInProgress",
        16: "noSuchAttribute",
        32: "noSuchObject",
        34: "invalidDNSyntax",
        48: "inappropriateAuthentication",
        49: "invalidCredentials",
        50: "insufficientAccessRights",
        51: "busy",
        52: "unavailable",
        53: "unwillingToPerform",
        68: "entryAlreadyExists",
    }
)
_IN_PROGRESS = 14
#: Requests that wait for their answer.
_PENDING = 64
_ATTRIBUTES = 32


class Conversation:
    """One connection, or one flow of connectionless LDAP."""

    def __init__(self, flow: Flow) -> None:
        self._sides = tuple(Frames(6, _length) for _ in Side) if flow.transport == "tcp" else None
        self._pending: dict[int, Log] = {}
        self._found: dict[int, int] = {}
        self._sign_in = SignIn()
        self._sealed = False
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        if not self._sides:
            return list(self._read(at, data))
        found: list[Log] = []
        try:
            messages = self._sides[side].feed(data)
        except Malformed:
            # After a sign-in with sealing each message stands in a wrapper of SASL (RFC 4422 3.7).
            self.done = self._sealed
            if not self.done:
                raise
            return ()
        for message in messages:
            found += self._read(at, message)
            if self.done:
                break
        return found

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next message."""
        if self._sides:
            self._sides[side].lost()
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell requests that were never answered, and a sign-in whose end was not seen."""
        waiting, self._pending = self._pending, {}
        return [*waiting.values(), *self._sign_in.settle(at, None)]

    def _read(self, at: int, message: bytes) -> Iterator[Log]:
        if message[0] != ber.SEQUENCE:
            raise Malformed("ldap_message")
        # A search's answer may be longer than what is kept of it; its head is enough.
        _, start, _ = ber.head(message, 0, 1 << 31)
        _, begin, stop = ber.head(message, start, len(message))
        number, operation = ber.integer(message, begin, stop), message[stop]
        if operation == _ENTRY:
            self._found[number] = self._found.get(number, 0) + 1
            if len(self._found) > _PENDING:
                del self._found[next(iter(self._found))]
            return
        if operation in _QUIET:
            return
        _, begin, end = ber.head(message, stop, len(message))
        if operation in _ANSWERS:
            yield from self._answer(at, message, number, operation, (begin, end))
        else:
            yield from self._ask(at, message, number, operation, (begin, end))

    def _ask(self, at: int, message: bytes, number: int, operation: int, place: tuple[int, int]) -> Iterator[Log]:
        fields: dict[str, Value] = {"message_id": number}
        path = "ldap"
        if operation == _BIND:
            self._bind(message, place, fields)
        elif operation == _SEARCH:
            path = "ldap_search"
            _search(message, place, fields)
        elif operation == _EXTENDED:
            _, begin, end = ber.head(message, *place)
            fields.update(opcode="extended", object=text(message[begin:end]))
        elif operation in _CHANGES:
            fields["opcode"] = _CHANGES[operation][0]
            begin, end = place if operation == 0x4A else ber.head(message, *place)[1:]
            fields["object"] = text(message[begin:end])
        else:
            raise Malformed("ldap_operation")
        waiting = self._pending.pop(number, None)
        if waiting:
            yield waiting
        self._pending[number] = Log(path, at, fields)
        if len(self._pending) > _PENDING:
            yield self._pending.pop(next(iter(self._pending)))

    def _bind(self, message: bytes, place: tuple[int, int], fields: dict[str, Value]) -> None:
        (_, a, b), (_, c, d), (kind, e, f) = list(ber.items(message, *place))[:3]
        fields.update(version=ber.integer(message, a, b))
        if d > c:
            fields["object"] = text(message[c:d])
        if kind == 0x80:
            fields["opcode"] = "bind simple"
            if f > e:
                fields["cleartext_password"] = True
        elif kind == 0xA3:
            mechanism, *rest = list(ber.items(message, e, f))[:2]
            named = text(message[mechanism[1] : mechanism[2]], 32)
            fields.update(opcode="bind SASL", argument=named)
            for _, start, end in rest:
                if named.upper() == "PLAIN":
                    _in_clear(message[start:end], fields)
                else:
                    self._sign_in.take(message[start:end])
        else:
            # Microsoft's own (MS-ADTS 5.1.1.1.3): NTLM without SASL.
            fields["opcode"] = "bind NTLM"
            self._sign_in.take(message[e:f])

    def _answer(self, at: int, message: bytes, number: int, operation: int, place: tuple[int, int]) -> Iterator[Log]:
        tag, begin, end = ber.head(message, *place)
        if tag != ber.ENUMERATED:
            raise Malformed("ldap_result")
        code = ber.integer(message, begin, end)
        if operation == _BIND_DONE:
            self._sign_in.take(message[end : place[1]])
            if code != _IN_PROGRESS:
                yield from self._sign_in.settle(at, code == 0, _RESULTS.get(code, str(code)))
            self._sealed = code == 0
        asked = self._pending.pop(number, None)
        found = self._found.pop(number, 0)
        if not asked:
            return
        fields = {**asked.fields, "result": _RESULTS.get(code, f"unknown-{code}")}
        if operation == _SEARCH_DONE:
            fields["result_count"] = found
        if operation == _EXTENDED_DONE and fields.get("object") == _START_TLS.decode() and code == 0:
            fields["tls"] = True
            self.done = True
        yield Log(asked.path, asked.at, fields)


def _in_clear(said: bytes, fields: dict[str, Value]) -> None:
    """Tell whose password SASL's PLAIN sent, where no other name was given."""
    if (user := plain(said)) is not None:
        fields["cleartext_password"] = True
        if user:
            fields.setdefault("object", user)


def _length(data: bytes, at: int) -> int:
    if data[at] != ber.SEQUENCE:
        raise Malformed("ldap_message")
    return ber.total(data, at)


def _search(message: bytes, place: tuple[int, int], fields: dict[str, Value]) -> None:
    parts = list(ber.items(message, *place))
    if len(parts) < 8:
        raise Malformed("ldap_search_truncated")
    base, scope, wanted, attributes = parts[0], parts[1], parts[6], parts[7]
    number = ber.integer(message, scope[1], scope[2])
    fields["scope"] = _SCOPES[number] if 0 <= number < len(_SCOPES) else f"unknown-{number}"
    fields["base_object"] = text(message[base[1] : base[2]])
    fields["filter"] = written(message, wanted)
    names = [text(message[a:b], 64) for _, a, b in ber.items(message, attributes[1], attributes[2])]
    if names:
        fields["attributes"] = names[:_ATTRIBUTES]


def _operation(data: bytes) -> int:
    """Return what a packet begins with, by its sequence, its number and the tag behind them; -1 when it is none."""
    if len(data) < 8 or data[0] != ber.SEQUENCE:
        return -1
    at = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    if data[at : at + 1] != b"\2" or not 1 <= data[at + 1] <= 4:
        return -1
    at += 2 + data[at + 1]
    return data[at] if at < len(data) else -1


def _recognises(_side: Side, data: bytes) -> bool:
    """Tell a request that may be the first."""
    return _operation(data) in _FIRST


PROTOCOL = Protocol(
    name="ldap",
    transports=frozenset({"tcp", "udp"}),
    ports=frozenset({389, 3268}),
    recognises=_recognises,
    open=Conversation,
    resumes=lambda data: _operation(data) in _RESUMED,
)
