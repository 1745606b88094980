"""SOCKS 4, 4a and 5 (RFC 1928, 1929): who is let through to where, and TLS behind it; never the password."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from types import MappingProxyType

from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value
from collector.protocols.tls.behind import Behind

_CONNECT, _PASSWORD, _NONE = 1, 2, 0xFF
#: Ways to sign in that anybody knows have lower numbers (IANA).
_METHODS = 10
_SIZES = MappingProxyType({1: 4, 4: 16})
_NAME = 3
_STATUS: Mapping[int, str] = MappingProxyType(
    {
        0: "succeeded",
        1: "general SOCKS server failure",
        2: "connection not allowed by ruleset",
        3: "Network unreachable",
        4: "Host unreachable",
        5: "Connection refused",
        6: "TTL expired",
        7: "Command not supported",
        8: "Address type not supported",
        0x5A: "succeeded",
        0x5B: "general SOCKS server failure",
        0x5C: "request failed because client is not running identd",
        0x5D: "request failed because client's identd could not confirm the user ID string in the request",
    }
)
_GOOD = frozenset({0, 0x5A})


class Conversation(Behind):
    """One connection: greetings, a password where it is asked for, one request and its answer."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._fields: dict[str, Value] = {}
        self._at = 0
        self._told = False
        #: What each side says next: `greeting`, `password`, `request` or nothing.
        self._next = ["greeting", "greeting"]
        self._connects = False

    def _message(self, side: Side, at: int, data: bytes, logs: list[Log]) -> int:
        self._at = self._at or at
        if side is Side.RESP:
            return self._answer(data, logs)
        match self._next[Side.ORIG]:
            case "greeting":
                return self._greeting(data)
            case "password":
                return self._password(data)
            case "request":
                return self._request(data)
            case _:
                return 0  # what is carried comes before the answer

    def _greeting(self, data: bytes) -> int:
        self._fields["version"] = data[0]
        if data[0] == 4:
            return self._request_4(data)
        if data[0] != 5:
            raise Malformed("socks_version")
        if len(data) < 2 or len(data) < 2 + data[1]:
            return 0
        self._next[Side.ORIG] = "request"
        return 2 + data[1]

    def _request_4(self, data: bytes) -> int:
        user, end, rest = data[8:].partition(b"\0")
        if not end:
            return 0
        size = 9 + len(user)
        self._fields["request_p"] = int.from_bytes(data[2:4], "big")
        if user:
            self._fields["user"] = text(user, 128)
        # 4a: an address 0.0.0.x stands for the name behind the user's.
        if data[4:7] == b"\0\0\0" and data[7]:
            name, end, _ = rest.partition(b"\0")
            if not end:
                return 0
            self._fields["request.name"] = text(name)
            size += len(name) + 1
        else:
            self._fields["request.host"] = str(ip_address(data[4:8]))
        self._connects = data[1] == _CONNECT
        self._next = ["", "request"]
        return size

    def _password(self, data: bytes) -> int:
        if len(data) < 2 or len(data) < 3 + data[1]:
            return 0
        user, size = data[2 : 2 + data[1]], 3 + data[1] + data[2 + data[1]]
        if len(data) < size:
            return 0
        self._fields.update(user=text(user, 128), cleartext_password=True)
        self._next[Side.ORIG] = "request"
        return size

    def _request(self, data: bytes) -> int:
        size = _address(data)
        if size:
            kind, place = data[3], data[4 : size - 2]
            where = {"request.name": text(place[1:])} if kind == _NAME else {"request.host": str(ip_address(place))}
            self._fields.update(where, request_p=int.from_bytes(data[size - 2 : size], "big"))
            self._connects = data[1] == _CONNECT
            self._next[Side.ORIG] = ""
        return size

    def _answer(self, data: bytes, logs: list[Log]) -> int:
        if self._fields.get("version") == 4:
            return self._granted(data[1], 8, logs) if len(data) >= 8 else 0
        if len(data) < 2:
            return 0
        match self._next[Side.RESP]:
            case "greeting":
                asks = data[1] == _PASSWORD
                self._next[Side.RESP] = "password" if asks else "request"
                if asks and self._next[Side.ORIG] == "request":
                    self._next[Side.ORIG] = "password"
                if data[1] == _NONE:
                    self._fields["status"] = "no acceptable authentication method"
                    self._refused(logs)
                return 2
            case "password":
                self._next[Side.RESP] = "request"
                self._fields["success"] = data[1] == 0
                if data[1]:
                    self._refused(logs)
                return 2
            case _:
                size = _address(data)
                return self._granted(data[1], size, logs) if size else 0

    def _granted(self, code: int, size: int, logs: list[Log]) -> int:
        self._fields["status"] = _STATUS.get(code, f"unknown-{code}")
        logs += self._tell()
        self._begun = code in _GOOD and self._connects
        self._over = not self._begun
        return size

    def _refused(self, logs: list[Log]) -> None:
        logs += self._tell()
        self._over = True

    def _tell(self) -> Iterable[Log]:
        told, self._told = self._told, True
        return () if told or not self._fields else (Log("socks", self._at, self._fields),)

    def _ended(self, _at: int) -> Iterable[Log]:
        return self._tell()


def _address(data: bytes) -> int:
    """Return the length of a request or an answer of version 5, 0 when it is not whole."""
    if len(data) < 5:
        return 0
    if data[0] != 5:
        raise Malformed("socks_version")
    size = 1 + data[4] if data[3] == _NAME else _SIZES.get(data[3], -1)
    if size < 0:
        raise Malformed("socks_address")
    return 6 + size if len(data) >= 6 + size else 0


def _recognises(side: Side, data: bytes) -> bool:
    """Tell a client's greeting; it says little, so nothing else may stand beside it."""
    if side is Side.RESP or len(data) < 3:
        return False
    if data[0] == 5:
        methods = data[2:]
        return len(methods) == data[1] and max(methods) < _METHODS and len(set(methods)) == len(methods)
    if len(data) < 9 or data[0] != 4 or data[1] not in {1, 2} or data[2:4] == b"\0\0" or data[-1]:
        return False
    said = data[8:-1].split(b"\0")
    return len(said) == (2 if data[4:7] == b"\0\0\0" else 1) and all(
        one.isascii() and one.decode().isprintable() for one in said
    )


PROTOCOL = Protocol(
    name="socks",
    transports=frozenset({"tcp"}),
    ports=frozenset(),
    recognises=_recognises,
    open=Conversation,
)
