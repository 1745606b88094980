"""Security tokens with Kerberos in them, as programs of Windows send them: AP-REQ and its answers, within SPNEGO."""

from __future__ import annotations

import struct
from typing import Any

from scapy.asn1.asn1 import ASN1_GENERAL_STRING, ASN1_INTEGER, ASN1_STRING
from scapy.layers.kerberos import (
    KRB_AP_REP,
    KRB_AP_REQ,
    KRB_ERROR,
    EncryptedData,
    Kerberos,
    KRB_Ticket,
    PrincipalName,
)

from collector.protocols import ber

KRB5 = bytes.fromhex("06092a864886f712010202")
_MICROSOFT = bytes.fromhex("06092a864882f712010202")
_NTLM = bytes.fromhex("060a2b06010401823702020a")
_SPNEGO = bytes.fromhex("06062b0601050502")
#: Of scapy's classes some have no types.
_SEALED: Any = EncryptedData
_NAME: Any = PrincipalName


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(raw)]) + raw + content


def _gss(kind: bytes, message: Any) -> bytes:
    return tlv(0x60, KRB5 + kind + bytes(Kerberos(root=message)))


def asked(service: str, cipher: int, ticket: int = 900) -> bytes:
    """Return what shows a ticket of so many bytes for a service."""
    parts = [ASN1_GENERAL_STRING(part.encode()) for part in service.split("/")]
    shown = KRB_Ticket(
        tktVno=ASN1_INTEGER(5),
        realm=ASN1_GENERAL_STRING(b"GMINA.LOCAL"),
        sname=_NAME(nameType=ASN1_INTEGER(2), nameString=parts),
        encPart=_SEALED(etype=ASN1_INTEGER(cipher), cipher=ASN1_STRING(bytes(ticket))),
    )
    proof = _SEALED(etype=ASN1_INTEGER(18), cipher=ASN1_STRING(bytes(200)))
    return _gss(b"\x01\x00", KRB_AP_REQ(ticket=shown, authenticator=proof))


def granted() -> bytes:
    return _gss(b"\x02\x00", KRB_AP_REP(encPart=_SEALED(etype=ASN1_INTEGER(18), cipher=ASN1_STRING(bytes(80)))))


def failed(code: int) -> bytes:
    name = _NAME(nameType=ASN1_INTEGER(2), nameString=[ASN1_GENERAL_STRING(b"cifs")])
    return _gss(b"\x03\x00", KRB_ERROR(errorCode=ASN1_INTEGER(code), realm=ASN1_GENERAL_STRING(b"G"), sname=name))


NTLM_HELLO = b"NTLMSSP\0\1\0\0\0" + bytes(28)


def ntlm_challenge(server: str) -> bytes:
    """Return what a server asks an NTLM client with (MS-NLMP 2.2.1.2): its computer's name beside."""
    name = server.encode("utf-16-le")
    told = struct.pack("<HH", 1, len(name)) + name + bytes(4)
    head = b"NTLMSSP\0" + struct.pack("<I8xI8s8xHHI", 2, 0x00800001, b"\1" * 8, len(told), len(told), 48)
    return head + told


def ntlm_proof(user: str, domain: str, host: str) -> bytes:
    """Return a client's answer of NTLM version 2 (MS-NLMP 2.2.1.3)."""
    parts = [b"", b"\2" * 60, *(text.encode("utf-16-le") for text in (domain, user, host)), b""]
    at, pairs = 64, b""
    for part in parts:
        pairs += struct.pack("<HHI", len(part), len(part), at)
        at += len(part)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + pairs + struct.pack("<I", 1) + b"".join(parts)


def first(token: bytes) -> bytes:
    """Wrap a client's token as SPNEGO's first one, which also names the other ways."""
    kinds = tlv(0xA0, tlv(ber.SEQUENCE, _MICROSOFT + KRB5 + _NTLM))
    return tlv(0x60, _SPNEGO + tlv(0xA0, tlv(ber.SEQUENCE, kinds + tlv(0xA2, tlv(ber.OCTETS, token)))))


def answer(token: bytes) -> bytes:
    """Wrap a service's token."""
    return tlv(0xA1, tlv(ber.SEQUENCE, tlv(0xA0, b"\x0a\x01\x00") + tlv(0xA2, tlv(ber.OCTETS, token))))
