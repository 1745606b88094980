"""Two weeks before the sensor is watched, as its analysers remember them; and what stands out against them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from pathlib import Path

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from agent.wire.sending.run import open_spool
from agent.wire.sending.sensor import Bookmark
from collector.analysers.registry import analysers
from collector.memory import BOOKMARK, packed
from collector.protocols.model import Side
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import SECOND, batch, claim, lease, router, scan
from tests.e2e.attacks import GATEWAY, OWNER, ROGUE, SERVER, SPOOFER, spoken
from tests.e2e.cases import Case, played, poured

HOUR, DAYS = 3600, 14
HOME, BACKUP, OLD_SERVER, FILES = "203.0.113.30", "203.0.113.31", "10.66.1.105", "10.66.1.106"
CALLER, NIGHT, SEEKER, CARD = "10.66.1.100", "10.66.1.101", "10.66.1.102", "00:1b:78:00:01:03"
QUIET_CALLER, DAYLIGHT, VISITOR, OTHER_CARD = "10.66.4.100", "10.66.4.101", "10.66.4.102", "00:1b:78:00:04:03"
#: What an office sends in one upload, and no computer by itself.
_MUCH = 21_000_000
Moment = tuple[float, list[bytes]]
"""How many seconds ago, and what passed by."""


def _report(source: str) -> list[bytes]:
    """A few bytes to an address in the internet that has no name."""
    return spoken(source, HOME, 8444, [(Side.ORIG, b"x" * 300), (Side.RESP, b"y" * 90)])


def _visit(source: str) -> list[bytes]:
    return spoken(source, BACKUP, 443, [(Side.ORIG, b"x" * 300), (Side.RESP, b"y" * 900)])


def _served(source: str, port: int) -> list[bytes]:
    return spoken(source, FILES, port, [(Side.ORIG, b"x" * 30), (Side.RESP, b"y" * 30)])


def _uploaded(source: str) -> list[bytes]:
    return poured(source, BACKUP, 443, b"x", _MUCH)


def named(card: str, name: str) -> list[bytes]:
    """A card asks for an address and says its name."""
    said = DHCP(options=[("message-type", "request"), ("hostname", name), "end"])
    there = Ether(src=card, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
    asked = BOOTP(chaddr=bytes.fromhex(card.replace(":", "")), xid=random.Random(name).randrange(1 << 32))
    return [bytes(there / UDP(sport=68, dport=67) / asked / said)]


def _tried(source: str, count: int) -> list[Moment]:
    """So many doors that were closed, one each twenty minutes."""
    return [((n + 1) * 1200.0, scan(source, f"10.66.3.{n + 1}", [22 + n % 3])) for n in range(count)]


def _before() -> list[Moment]:
    """What passed by, and how many seconds ago."""
    rhythm = random.Random(7)
    names = [*named(CARD, "kadry-1"), *named(OTHER_CARD, "kadry-2")]
    always = [lease(SERVER, GATEWAY), claim(GATEWAY, OWNER), router(OWNER, "2001:db8::"), *names]
    always += played("tls", "tls13", VISITOR, FILES)
    caller, quiet, night, daylight = _report(CALLER), _report(QUIET_CALLER), _visit(NIGHT), _visit(DAYLIGHT)
    moments = [(hour * HOUR + 1800.0, always) for hour in range(8 * 24)]
    moments += [(n * 600.0, caller) for n in range(1, 24)]
    moments += [(600.0 * n * n * rhythm.uniform(0.2, 1), quiet) for n in range(1, 24)]
    for day in range(1, DAYS):
        moments += [(day * 86_400.0 + ago * HOUR, night) for ago in (9, 10, 11, 12, 13)]
        moments += [(day * 86_400.0 + ago * HOUR, daylight) for ago in range(0, 24, 5)]
    return [*moments, *_tried(SEEKER, 39), *_tried(VISITOR, 12)]


def remember(spool: Path, moments: Iterable[Moment] | None = None) -> None:
    """Let the sensor know two weeks, as if it had been stopped a moment ago."""
    now = time.time()
    watch = Watch(PROTOCOLS, analysers=analysers())
    for ago, frames in sorted(_before() if moments is None else moments, key=lambda moment: -moment[0]):
        begin = int((now - ago) * SECOND)
        for _ in watch.take(batch(frames, range(begin, begin + len(frames) * 1_000_000, 1_000_000))):
            pass
    for _ in watch.finish():
        pass
    opened = open_spool(spool)
    opened.add([], [Bookmark(BOOKMARK, packed(watch.analysis.memory()))])
    opened.close()


def of_days() -> list[Case]:
    """What stands out only against the days before."""
    tries = [frame for n in range(3) for frame in scan(SEEKER, f"10.66.3.{n + 90}", [22])]
    return [
        Case(
            ("Regular Connections to a Target That Nobody Else Uses",), CALLER, _report(CALLER), _report(QUIET_CALLER)
        ),
        Case(
            ("Data Leave a Computer at an Hour at Which It Never Works",),
            NIGHT,
            _uploaded(NIGHT),
            _uploaded(DAYLIGHT),
        ),
        Case(("Many Computers or Ports Tried in Vain over a Day",), SEEKER, tries, scan(VISITOR, "10.66.3.90", [22])),
        Case(
            ("New Server inside with a Bad Certificate or Weak Encryption",),
            "",
            played("tls", "tls10", SEEKER, OLD_SERVER),
            played("tls", "tls13", VISITOR, FILES),
        ),
        Case(
            ("Station Changed Its Name", "Device of an Intruder's Kind in the Network"),
            "",
            named(CARD, "kali"),
            named(OTHER_CARD, "kadry-2"),
        ),
        Case(
            (
                "Computer Answers on a Port of Break-in Tools",
                "Computer Can Suddenly Be Controlled from Afar",
                "Computer Serves Something New",
            ),
            "",
            [frame for port in (3389, 4444, 5432) for frame in _served(VISITOR, port)],
            _served(VISITOR, 443),
        ),
        Case(("Unknown DHCP Server Hands out Addresses",), "", [lease(ROGUE, ROGUE)], [lease(SERVER, GATEWAY)]),
        Case(
            ("Unknown IPv6 Router Announces Itself",),
            "",
            [router(SPOOFER, "2001:db8::")],
            [router(OWNER, "2001:db8::")],
        ),
    ]
