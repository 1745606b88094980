"""TFTP (RFC 1350): which file is fetched or left, and what was refused. The file itself travels in another flow."""

from __future__ import annotations

from collections.abc import Sequence

from collector.protocols.datagrams import each
from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_READ, _WRITE, _ERROR = 1, 2, 5


def _read(_flow: Flow, _side: Side, at: int, data: bytes) -> Sequence[Log]:
    if len(data) < 4 or data[0]:
        raise Malformed("tftp_header")
    kind = data[1]
    if kind == _ERROR:
        message = text(data[4:].partition(b"\0")[0], 128)
        return (Log("tftp", at, {"error_code": int.from_bytes(data[2:4], "big"), "error_msg": message}),)
    if kind not in {_READ, _WRITE}:
        return ()
    name, _, rest = data[2:].partition(b"\0")
    mode, end, _ = rest.partition(b"\0")
    if not end or not name:
        raise Malformed("tftp_request")
    fields: dict[str, Value] = {"wrq": kind == _WRITE, "fname": text(name), "mode": text(mode, 16).lower()}
    return (Log("tftp", at, fields),)


def _recognises(_side: Side, data: bytes) -> bool:
    return data[:2] in {b"\0\1", b"\0\2"} and any(
        mode in data[2:520].lower() for mode in (b"\0octet\0", b"\0netascii\0", b"\0mail\0")
    )


PROTOCOL = Protocol(
    name="tftp",
    transports=frozenset({"udp"}),
    ports=frozenset({69}),
    recognises=_recognises,
    open=each(_read),
)
