"""Attacks between the office and the internet, each beside its harmless twin."""

from __future__ import annotations

from collections.abc import Iterable

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

from collector.protocols.model import Side
from tests.collector.packets import resolved
from tests.collector.protocols.talk import Turn
from tests.e2e.attacks import MASTER, SERVER, STRANGER, spoken, told
from tests.e2e.cases import Case, fixture, greeting, played, poured
from tests.e2e.names import RESOLVER

PAGE = "203.0.113.20"
_MANY = 5_100_000


def _answered(source: str, target: str, port: int, sent: bytes = b"x" * 64, said: bytes = b"y" * 400) -> list[bytes]:
    """A connection in which each side says something."""
    return spoken(source, target, port, [(Side.ORIG, sent), (Side.RESP, said)])


def _sought(source: str, names: Iterable[str]) -> list[bytes]:
    return [
        frame for port, name in enumerate(names, 44000) for frame in resolved(source, RESOLVER, name, PAGE, port=port)
    ]


def _odd_kind(source: str, kind: str) -> list[bytes]:
    """A question for a record of this kind."""
    asked = DNSQR(qname="a.t.gmina.example", qtype=kind)
    answer = bytes(DNS(id=9, qr=1, rcode=3, qd=asked))
    return told(source, RESOLVER, 53, [(Side.ORIG, bytes(DNS(id=9, qd=asked))), (Side.RESP, answer)], 45001)


def _pings(source: str, count: int, size: int) -> list[bytes]:
    ways = ((source, MASTER, 8), (MASTER, source, 0))
    link = Ether(src="02:00:00:00:00:05", dst="02:00:00:00:00:06")
    return [
        bytes(link / IP(src=orig, dst=resp) / ICMP(type=kind, id=7, seq=n) / bytes(size))
        for n in range(count)
        for orig, resp, kind in ways
    ]


def _page(source: str, asked: str, host: str, answer: bytes = b"ok") -> list[bytes]:
    """A page that is asked for, and comes."""
    head = f"{asked} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
    turns: list[Turn] = [(Side.ORIG, head), (Side.RESP, said + answer)]
    return spoken(source, PAGE, 80, turns)


def _brought(source: str, host: str) -> list[bytes]:
    head = f"POST /dane HTTP/1.1\r\nHost: {host}\r\nContent-Length: {_MANY}\r\n\r\n".encode()
    return poured(source, PAGE, 80, head, _MANY + 2800, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _hello(source: str, name: str) -> list[bytes]:
    return spoken(source, PAGE, 443, [(Side.ORIG, greeting(name))])


def of_connections() -> list[Case]:
    """Doors that stand open towards the internet, and ways out that nobody needs."""
    signed_in = fixture("imap", "sign_in").turns
    return [
        Case(
            ("Internal Service Reached from the Internet",),
            SERVER,
            _answered(STRANGER, SERVER, 5900),
            _answered("10.66.4.40", SERVER, 5900),
        ),
        Case(
            ("Remote Desktop Reached from the Internet",),
            SERVER,
            played("rdp", "nla", STRANGER),
            played("rdp", "nla", "10.66.4.41"),
        ),
        Case(
            ("File Sharing Connection to the Internet", "Windows Sign-In Sent to the Internet"),
            "10.66.1.42",
            played("smb", "encrypted", "10.66.1.42", MASTER),
            played("smb", "encrypted", "10.66.4.42"),
        ),
        Case(
            ("Data Carried in Ping or Time Queries",),
            "10.66.1.43",
            _pings("10.66.1.43", 80, 1400),
            _pings("10.66.4.43", 4, 32),
        ),
        Case(
            ("Administration Protocol to the Internet",),
            "10.66.1.44",
            _answered("10.66.1.44", MASTER, 3306),
            _answered("10.66.4.44", SERVER, 3306),
        ),
        Case(
            ("Private Tunnel or Chat Protocol to the Internet",),
            "10.66.1.45",
            _answered("10.66.1.45", MASTER, 6667),
            _answered("10.66.4.45", MASTER, 6667, said=b"no"),
        ),
        Case(
            ("Mail Sent past the Office's Mail Server",),
            "10.66.1.46",
            _answered("10.66.1.46", MASTER, 25, b"EHLO a\r\n", b"250 ok\r\n"),
            _answered("10.66.4.46", SERVER, 25, b"EHLO a\r\n", b"250 ok\r\n"),
        ),
        Case(
            ("Password Sent to the Internet in the Clear",),
            "10.66.1.47",
            spoken("10.66.1.47", MASTER, 143, signed_in),
            played("imap", "tls", "10.66.4.47", MASTER),
        ),
        Case(
            ("Encrypted Connection to a Server with an Untrusted Certificate",),
            "10.66.1.48",
            played("tls", "tls10", "10.66.1.48", PAGE),
            played("tls", "tls13", "10.66.4.48", PAGE),
        ),
    ]


def of_names() -> list[Case]:
    """Names that only attacks seek, or that say what runs on a computer."""
    sought = {
        "Connection into the Tor Network": ("expyuzz4wqqyqhjn.onion", "www.torproject.org"),
        "Computer Talks to a Mining Pool": ("xmr-eu1.nanopool.org", "www.nicehash.com"),
        "Remote Support Tool Calls Its Service": ("relay-3a.net.anydesk.com", "www.teamviewer.com"),
        "Name of a Service That Opens Doors to the Inside": ("biuro.ngrok.io", "ngrok.io.gmina.example"),
        "Domain with an Ending That Is Mostly Abused": ("faktura.top", "top.gmina.example"),
        "Camera or Smart Device Calls Its Maker": ("dev.hik-connect.com", "www.hikvision.com"),
    }
    asked = [
        Case((title,), f"10.66.1.{n}", _sought(f"10.66.1.{n}", [bad]), _sought(f"10.66.4.{n}", [good]))
        for n, (title, (bad, good)) in enumerate(sought.items(), 60)
    ]
    greeted = {
        "Encrypted DNS to a Foreign Resolver": ("dns.google", "www.google.com"),
        "Connection to a Page Where Anyone Leaves Files": ("gofile.io", "pliki.gmina.example"),
    }
    return [
        *asked,
        *(
            Case((title,), f"10.66.1.{n}", _hello(f"10.66.1.{n}", bad), _hello(f"10.66.4.{n}", good))
            for n, (title, (bad, good)) in enumerate(greeted.items(), 70)
        ),
        Case(
            ("DNS Question of a Kind That Only Tunnels Use",),
            "10.66.1.72",
            _odd_kind("10.66.1.72", "NULL"),
            _odd_kind("10.66.4.72", "TXT"),
        ),
    ]


def of_pages() -> list[Case]:
    """What is fetched from a bare address, or brought to one."""
    name = "pliki.gmina.example"
    return [
        Case(
            ("Web Requests Shaped like a Control Channel",),
            "10.66.1.80",
            _page("10.66.1.80", "GET /__utm.gif", PAGE),
            _page("10.66.4.80", "GET /__utm.gif", name),
        ),
        Case(
            ("Large Upload to a Bare Address",),
            "10.66.1.81",
            _brought("10.66.1.81", PAGE),
            _brought("10.66.4.81", "pliki.gmina.example"),
        ),
        Case(
            ("Program Downloaded from a Bare Address",),
            "10.66.1.82",
            _page("10.66.1.82", "GET /a.exe", PAGE, answer=b"MZ" + bytes(800)),
            _page("10.66.4.82", "GET /a.exe", name, answer=b"MZ" + bytes(800)),
        ),
    ]
