"""What they say: bytes of the parsers' fixtures, and of protocols that scapy or a line makes."""

from __future__ import annotations

from functools import cache, lru_cache

from scapy.layers.dns import DNS, DNSQR, DNSRR

from collector.protocols.model import Side
from tests.collector.office.world import EXCHANGE, WALL
from tests.collector.packets import router
from tests.collector.protocols.talk import DATA, Turn, read
from tests.e2e.cases import greeting

LETTER: tuple[Turn, ...] = tuple(
    (side, line.encode() + b"\r\n")
    for said in (
        "220 mx",
        "EHLO mx|250 mx",
        "MAIL FROM:<a@gmina.pl>|250 ok",
        "RCPT TO:<b@poczta.pl>|250 ok",
        "QUIT|221 bye",
    )
    for side, line in zip((Side.ORIG, Side.RESP)[-1 - said.count("|") :], said.split("|"), strict=True)
)


@cache
def turns(path: str) -> tuple[Turn, ...]:
    return read(DATA / f"{path}.talk").turns


@cache
def hello(name: str) -> tuple[Turn, ...]:
    """A handshake of TLS 1.3 for a name, and a little that is encrypted."""
    answer = [turn for turn in turns("tls/tls13") if turn[0] is Side.RESP]
    return ((Side.ORIG, greeting(name)), *answer[:1], (Side.ORIG, b"\x17\x03\x03\x01\x00" + bytes(256)))


@lru_cache(maxsize=4096)
def question(name: str, kind: str, answer: str) -> tuple[bytes, bytes]:
    asked = DNSQR(qname=name, qtype=kind)
    said = DNSRR(rrname=name, ttl=300, type=kind, rdata=answer) if answer else []
    told = DNS(id=0, qr=1, ra=1, rcode=0 if answer else 3, qd=asked, an=said)
    return bytes(DNS(id=0, rd=1, qd=asked)), bytes(told)


def ticket(service: bytes) -> list[Turn]:
    """A ticket made with a modern cipher."""
    weak, strong = bytes.fromhex("a003020117"), bytes.fromhex("a003020112")
    old = b"MSSQLSvc/sql1.gmina.local:1433"
    asked = turns("kerberos/roast")[:2]
    return [(side, data.replace(weak, strong).replace(old, service.ljust(len(old), b"0"))) for side, data in asked]


def _sip(first: str, call: int, number: str, method: str, *more: str) -> bytes:
    there = f"<sip:{number}@{EXCHANGE.ip}>"
    lines = (first, f"From: {there};tag=1", f"To: {there}", f"Call-ID: {call}", f"CSeq: 1 {method}", *more)
    return "\r\n".join((*lines, "Content-Length: 0", "", "")).encode()


def registered(number: int, call: int) -> list[Turn]:
    """A telephone signs in: first without its password, as the protocol wants, then with it."""
    proof = f'Authorization: Digest username="{number}", realm="centrala", response="0"'
    first = f"REGISTER sip:{EXCHANGE.ip} SIP/2.0"
    return [
        (Side.ORIG, _sip(first, call, str(number), "REGISTER", "User-Agent: Yealink T46")),
        (Side.RESP, _sip("SIP/2.0 401 Unauthorized", call, str(number), "REGISTER")),
        (Side.ORIG, _sip(first, call, str(number), "REGISTER", proof, "User-Agent: Yealink T46")),
        (Side.RESP, _sip("SIP/2.0 200 OK", call, str(number), "REGISTER")),
    ]


def called(_: str, number: str, call: int) -> list[Turn]:
    return [
        (Side.ORIG, _sip(f"INVITE sip:{number}@{EXCHANGE.ip} SIP/2.0", call, number, "INVITE")),
        (Side.RESP, _sip("SIP/2.0 200 OK", call, number, "INVITE")),
        (Side.ORIG, _sip(f"BYE sip:{number}@{EXCHANGE.ip} SIP/2.0", call, number, "BYE")),
        (Side.RESP, _sip("SIP/2.0 200 OK", call, number, "BYE")),
    ]


@lru_cache(maxsize=1)
def advertised() -> bytes:
    return router(WALL.mac, "2001:db8::")
