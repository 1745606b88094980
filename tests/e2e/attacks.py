"""What the story's attacks look like on the wire, and beside each one's harmless twin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

from collector.protocols.model import Side
from tests.collector.packets import claim, lease, scan, tunnel
from tests.collector.protocols.talk import Turn, talks
from tests.e2e.names import RESOLVER, ordinary

SERVER, GATEWAY, EXCHANGE = "10.66.0.2", "10.66.0.1", "10.66.0.5"
ROASTER, INTRUDER, SWEEPER, TUNNELLER, CALLER = "10.66.0.40", "10.66.0.41", "10.66.0.42", "10.66.0.43", "10.66.0.44"
SEARCHER, GUESSER, KNOCKER = "10.66.0.45", "10.66.0.46", "10.66.0.47"
STRANGER, ROGUE, SPOOFER, OWNER = "198.51.100.66", "10.66.0.66", "08:00:27:00:00:66", "00:0c:42:00:00:01"
MASTER, TRUNK = "198.51.100.77", "203.0.113.5"
_RC4, AES = bytes.fromhex("a003020117"), bytes.fromhex("a003020112")
#: Nearest first: what of the attack's bytes differs in the twin, in the coding of SMB.
_TAME = {"PSEXESVC.exe": "DOKUMENT.doc", "PSEXESVC": "DOKUMENT", "ADMIN$": "BIURO$"}
_SVCCTL, _SRVSVC = (
    bytes.fromhex(uuid) for uuid in ("81bb7a364498f135ad3298f038001003", "c84f324b7016d30112785a47bf6ee188")
)


def spoken(
    source: str, target: str, port: int, turns: Iterable[Turn], own: int = 50123, size: int = 1400
) -> list[bytes]:
    """Return a connection of TCP with these turns, in segments of a size, from the first packet to the last."""
    link = Ether(src="02:00:00:00:00:05", dst="02:00:00:00:00:06")
    ends = (link / IP(src=source, dst=target), link / IP(src=target, dst=source))
    ports = ((own, port), (port, own))
    at = [1000, 5000]

    def segment(side: int, flags: str, data: bytes = b"") -> bytes:
        (sport, dport), ack = ports[side], 0 if flags == "S" else at[1 - side]
        made = ends[side] / TCP(sport=sport, dport=dport, flags=flags, seq=at[side], ack=ack) / data
        at[side] += len(data) + any(sign in flags for sign in "SF")
        return bytes(made)

    frames = [segment(0, "S"), segment(1, "SA"), segment(0, "A")]
    frames += [segment(int(side), "PA", data[i : i + size]) for side, data in turns for i in range(0, len(data), size)]
    return [*frames, segment(0, "FA"), segment(1, "FA"), segment(0, "A")]


def told(source: str, target: str, port: int, turns: Iterable[Turn], own: int = 50123) -> list[bytes]:
    """Return these turns as datagrams."""
    link = Ether(src="02:00:00:00:00:05", dst="02:00:00:00:00:06")
    ways = (
        link / IP(src=source, dst=target) / UDP(sport=own, dport=port),
        link / IP(src=target, dst=source) / UDP(sport=port, dport=own),
    )
    return [bytes(ways[side] / data) for side, data in turns]


def roasting(source: str, cipher: bytes = _RC4, services: int = 6) -> list[bytes]:
    """Tickets for so many services, which are made with a cipher."""
    (talk,) = [talk for talk in talks("kerberos") if talk.name == "roast"]
    frames: list[bytes] = []
    for number in range(services):
        turns = [
            (side, data.replace(b"sql1", b"sql%d" % number).replace(_RC4, cipher)) for side, data in talk.turns[:2]
        ]
        frames += _carried(talk.flow.transport, source, SERVER, 88, turns, 51000 + number)
    return frames


def _carried(transport: str, source: str, target: str, port: int, turns: Sequence[Turn], own: int) -> list[bytes]:
    return (spoken if transport == "tcp" else told)(source, target, port, turns, own)


def service_made(source: str, *, tame: bool = False, target: str = SERVER) -> list[bytes]:
    """A program is brought to the administrators' share, and a service made of it; tame: a document, to another."""
    (talk,) = [talk for talk in talks("smb") if talk.name == "psexec"]
    turns = [(side, _tamed(data) if tame else data) for side, data in talk.turns]
    return spoken(source, target, 445, turns)


def _tamed(data: bytes) -> bytes:
    for wild, tame in _TAME.items():
        data = data.replace(wild.encode("utf-16-le"), tame.encode("utf-16-le"))
    return data.replace("svcctl".encode("utf-16-le"), "srvsvc".encode("utf-16-le")).replace(_SVCCTL, _SRVSVC)


def sweep(source: str, count: int) -> list[bytes]:
    """One port of so many computers."""
    return [frame for n in range(count) for frame in scan(source, f"10.66.2.{n + 1}", [445])]


def calls_home(source: str, count: int) -> list[bytes]:
    """So many small connections to one address in the internet."""
    turns = [(Side.ORIG, b"\x17\x03\x03" + bytes(80)), (Side.RESP, b"\x17\x03\x03" + bytes(60))]
    return [frame for n in range(count) for frame in spoken(source, MASTER, 443, turns, 30000 + n)]


def _sip(first: str, call: str, number: str, method: str = "REGISTER", *more: str) -> bytes:
    there = f"<sip:{number}@{EXCHANGE}>"
    lines = (first, f"From: {there};tag=1", f"To: {there}", f"Call-ID: {call}", f"CSeq: 1 {method}", *more)
    return "\r\n".join((*lines, "Content-Length: 0", "", "")).encode()


def _registered(call: str, number: int, answer: str) -> list[Turn]:
    proof = f'Authorization: Digest username="{number}", realm="centrala", response="0"'
    return [
        (Side.ORIG, _sip(f"REGISTER sip:{EXCHANGE} SIP/2.0", call, str(number), "REGISTER", proof)),
        (Side.RESP, _sip(f"SIP/2.0 {answer}", call, str(number))),
    ]


def _called(number: str, answer: str) -> list[Turn]:
    return [
        (Side.ORIG, _sip(f"INVITE sip:{number}@{EXCHANGE} SIP/2.0", f"c-{number}", number, "INVITE")),
        (Side.RESP, _sip(f"SIP/2.0 {answer}", f"c-{number}", number, "INVITE")),
    ]


def toll_fraud() -> list[bytes]:
    """An exchange is found, a telephone's password guessed, and a call abroad made."""
    agent = "User-Agent: friendly-scanner"
    turns: list[Turn] = [(Side.ORIG, _sip(f"OPTIONS sip:100@{EXCHANGE} SIP/2.0", "o-1", "100", "OPTIONS", agent))]
    for guess in range(30):
        turns += _registered(f"g-{guess}", 105, "401 Unauthorized")
    turns += _registered("g-30", 105, "200 OK")
    return told(STRANGER, EXCHANGE, 5060, [*turns, *_called("00972599123456", "200 OK")], 5078)


def telephones() -> list[bytes]:
    """The operator brings a call, a telephone signs in and calls abroad: as it should be."""
    wrong_once = [*_registered("t-0", 101, "401 Unauthorized"), *_registered("t-1", 101, "200 OK")]
    return [
        *told(TRUNK, EXCHANGE, 5060, _called("+48221234567", "200 OK"), 5060),
        *told(CALLER, EXCHANGE, 5060, [*wrong_once, *_called("00972599123457", "200 OK")], 5060),
    ]


def searched(source: str, count: int) -> list[bytes]:
    """Questions for so many addresses that nobody has."""
    card = "02:00:00:00:00:07"
    ask = Ether(src=card, dst="ff:ff:ff:ff:ff:ff")
    return [bytes(ask / ARP(op=1, hwsrc=card, psrc=source, pdst=f"10.66.3.{n + 1}")) for n in range(count)]


def guessed(source: str, wrong: int) -> list[bytes]:
    """So many wrong passwords of FTP, then the right one."""
    turns: list[Turn] = [(Side.RESP, b"220 FTP\r\n")]
    for answer in [b"530 no\r\n"] * wrong + [b"230 yes\r\n"]:
        turns += [(Side.ORIG, b"USER bip\r\n"), (Side.RESP, b"331 password\r\n")]
        turns += [(Side.ORIG, b"PASS x\r\n"), (Side.RESP, answer)]
    return spoken(source, SERVER, 21, turns)


def desktops(source: str, count: int) -> list[bytes]:
    """So many connections of Remote Desktop, as far as the agreement to go on with TLS."""
    (talk,) = [talk for talk in talks("rdp") if talk.name == "nla"]
    return [frame for n in range(count) for frame in spoken(source, SERVER, 3389, talk.turns[:2], 31000 + n)]


def calls_out(numbers: Iterable[str]) -> list[bytes]:
    """The exchange asks its operator for calls."""
    turns: list[Turn] = []
    for number in numbers:
        turns += _called(number, "200 OK")
    return told(EXCHANGE, TRUNK, 5060, turns, 5062)


def attacks() -> list[bytes]:
    """Everything that must raise an alert."""
    return [
        *roasting(ROASTER),
        *service_made(INTRUDER),
        *sweep(SWEEPER, 40),
        *tunnel(TUNNELLER, RESOLVER, 80),
        *calls_home(CALLER, 300),
        *toll_fraud(),
        lease(ROGUE, ROGUE),
        claim(GATEWAY, SPOOFER),
        *searched(SEARCHER, 200),
        *guessed(GUESSER, 30),
        *desktops(KNOCKER, 30),
        *calls_out(["+48703123456", *(f"+49151123456{n}" for n in range(10, 32))]),
    ]


def twins() -> list[bytes]:
    """The same, as it happens in an office all day."""
    return [
        *roasting("10.66.0.50", AES),
        *service_made("10.66.0.51", tame=True),
        *sweep("10.66.0.52", 8),
        *ordinary(),
        *calls_home("10.66.0.54", 60),
        *telephones(),
        *[lease(SERVER, GATEWAY)] * 3,
        *[claim(GATEWAY, OWNER)] * 3,
        *searched("10.66.0.55", 20),
        *guessed("10.66.0.56", 3),
        *desktops("10.66.0.57", 6),
        *calls_out(["+48221234567", "+4915112345678", "+380671234567"]),
    ]
