"""The PDUs of one association: contexts bound to interfaces, and the calls made in them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from uuid import UUID

from collector.protocols.dce_rpc.interfaces import endpoint, operation
from collector.protocols.frames import text
from collector.protocols.gss import SignIn
from collector.protocols.model import Log, Malformed

REQUEST, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, AUTH3 = 0, 3, 11, 12, 13, 14, 16
_FIRST = 0x01
#: Contexts that are remembered.
_MOST = 64
#: Security providers whose tokens are read: SPNEGO, NTLM and Kerberos (MS-RPCE 2.2.1.1.7).
_PROVIDERS = {9, 10, 16}


class Calls:
    """What is bound and asked in one association. `pipe` is its name, or the port where it has none."""

    __slots__ = ("_contexts", "_pipe", "_sign_in")

    def __init__(self, pipe: str) -> None:
        self._pipe = pipe
        self._contexts: dict[int, str] = {}
        self._sign_in = SignIn()

    def read(self, at: int, pdu: bytes) -> Iterator[Log]:
        """Read one PDU from its header on (fragments but the first add nothing)."""
        if len(pdu) < 16 or pdu[0] != 5:
            raise Malformed("dce_rpc_header")
        kind, flags = pdu[2], pdu[3]
        order = "<" if pdu[4] & 0x10 else ">"
        if kind == REQUEST and flags & _FIRST:
            _, context, number = struct.unpack_from(f"{order}IHH", pdu, 16)
            yield self._call(at, context, number)
        elif kind in {BIND, ALTER}:
            self._bind(pdu, order)
            self._security(pdu, order)
        elif kind == BIND_ACK:
            self._acknowledged(pdu, order)
            self._security(pdu, order)
            if self._sign_in.answered:
                yield from self._sign_in.settle(at, True)
        elif kind == AUTH3:
            self._security(pdu, order)
            yield from self._sign_in.settle(at, None)
        elif kind in {BIND_NAK, FAULT}:
            yield from self._sign_in.settle(at, False)

    def close(self, at: int) -> Sequence[Log]:
        """Tell what is still held."""
        return self._sign_in.settle(at, None)

    def _call(self, at: int, context: int, number: int) -> Log:
        fields: dict[str, str] = {"named_pipe": self._pipe}
        uuid = self._contexts.get(context)
        if uuid is None:
            # The capture began after the bind.
            fields.update(endpoint="unknown", operation=f"unknown-{number}")
        else:
            fields.update(endpoint=endpoint(uuid), operation=operation(uuid, number))
        return Log("dce_rpc", at, fields)

    def _bind(self, pdu: bytes, order: str) -> None:
        at = 28
        for _ in range(min(pdu[24], _MOST)):
            context, transfers = struct.unpack_from(f"{order}HB", pdu, at)
            raw = pdu[at + 4 : at + 20]
            if len(raw) < 16:
                raise Malformed("dce_rpc_bind_truncated")
            if len(self._contexts) < _MOST or context in self._contexts:
                self._contexts[context] = str(UUID(bytes_le=raw) if order == "<" else UUID(bytes=raw))
            at += 24 + transfers * 20

    def _acknowledged(self, pdu: bytes, order: str) -> None:
        (size,) = struct.unpack_from(f"{order}H", pdu, 24)
        address = text(pdu[26 : 26 + size].rstrip(b"\0"))
        if address:
            self._pipe = address

    def _security(self, pdu: bytes, order: str) -> None:
        (size,) = struct.unpack_from(f"{order}H", pdu, 10)
        if 0 < size <= len(pdu) - 24 and pdu[len(pdu) - size - 8] in _PROVIDERS:
            self._sign_in.take(pdu[-size:])
