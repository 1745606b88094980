"""A fortnight of an office: of all that its people and machines do, the intruder alone is noticed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from collector.analysers.analysis import Analysis
from collector.analysers.registry import analysers
from collector.heads.head import Entry
from collector.protocols.model import Log
from tests.collector.analysers.logs import BEGIN, DAY, HOUR, MINUTE, RESOLVER, SECOND, conn, dns
from tests.collector.analysers.test_together import REMEMBERING

MONDAY = BEGIN - BEGIN % DAY
DESKS = [f"192.168.10.{number}" for number in range(40, 52)]
SERVER, BACKUP, MONITOR, PRINTER = "192.168.10.6", "192.168.10.7", "192.168.10.8", "192.168.10.77"
VICTIM = DESKS[3]
WORDS = ("urzad", "poczta", "mapy", "sklep", "prawo", "kadry", "bank", "przetargi", "szkola", "drogi", "woda")


def _named(one: Entry, name: str, **fields: str | bool) -> Iterator[Entry]:
    """A connection with the name in its handshake."""
    yield Entry(Log("ssl", one.log.at, {"server_name": name, "established": True, **fields}), one.uid, one.flow)
    yield one


def _page(at: int, desk: str, draw: random.Random) -> Iterator[Entry]:
    """A page of the web: its name, that of an advertisement, connections."""
    site = f"{draw.choice(WORDS)}-{draw.choice(WORDS)}.pl"
    address = f"185.20.{WORDS.index(site[:-3].split('-', maxsplit=1)[0])}.{len(site)}"
    yield dns(at, f"www.{site}", source=desk, answers=[address], TTLs=[300.0])
    yield dns(at, f"{draw.randbytes(7).hex()}.cloudfront.net", source=desk, answers=["18.1.2.3"], TTLs=[60.0])
    sent = draw.randint(500, 60_000)
    yield from _named(conn(at + SECOND, address, source=desk, sent=sent, got=9 * sent), f"www.{site}")


def _programs(at: int, desk: str, draw: random.Random) -> Iterator[Entry]:
    """What programs do by the clock: protection, updates, time, mail, a supplier's message service on every desk."""
    for _ in range(4):
        long_name = f"{draw.randbytes(20).hex()}.{draw.randbytes(8).hex()}.avts.mcafee.com"
        yield dns(at + draw.randrange(MINUTE), long_name, source=desk, answers=["127.0.0.4"], TTLs=[5.0])
    yield conn(at, "51.104.1.1", 123, source=desk, sent=48, got=48)
    for quarter in range(4):
        now = at + quarter * 15 * MINUTE
        yield conn(now, "212.77.1.1", 993, source=desk, sent=900, got=4000)
        yield from _named(conn(now, "52.1.1.1", source=desk), "settings-win.data.microsoft.com")
        yield from _named(conn(now, "91.200.1.1", source=desk), "komunikaty.dostawca-programu.pl")
    yield conn(at, SERVER, 445, source=desk, sent=50_000, got=90_000)


def _desk(day: int, hour: int, desk: str, draw: random.Random) -> Iterator[Entry]:
    at = MONDAY + day * DAY + hour * HOUR
    for _ in range(draw.randint(2, 6)):
        yield from _page(at + draw.randrange(HOUR), desk, draw)
    yield from _programs(at, desk, draw)
    if draw.random() < 0.1:
        # A video call, a parcel of photographs, a name that was mistyped, a colleague's computer that is off.
        yield conn(at, "170.1.1.1", 443, source=desk, sent=400_000_000, got=520_000_000, seconds=2400.0)
        yield from _named(conn(at, "104.1.1.1", source=desk, sent=40_000_000, got=90_000), "dysk.example")
        yield dns(at, f"{draw.choice(WORDS)}{draw.choice(WORDS)}x.pl", source=desk, rcode_name="NXDOMAIN")
        yield conn(at, draw.choice(DESKS), 445, source=desk, conn_state="S0", sent=0, got=0)


def _machines(day: int, hour: int, draw: random.Random, working: bool) -> Iterator[Entry]:
    """A backup every night, a monitor that looks at all desks, a printer with a page of its own, the name server."""
    at = MONDAY + day * DAY + hour * HOUR
    for place, desk in enumerate(DESKS):
        state = "SF" if working else "S0"
        got = 200 if working else 0
        yield conn(at + place * SECOND, desk, 135, source=MONITOR, conn_state=state, sent=got, got=got)
    name = f"{draw.choice(WORDS)}-{draw.choice(WORDS)}.pl"
    yield dns(at, f"www.{name}", source=RESOLVER, server="9.9.9.9", answers=["185.20.1.1"], TTLs=[300.0])
    if hour == 1:
        sent = draw.randint(2_000_000_000, 2_600_000_000)
        yield from _named(conn(at, "51.2.2.2", source=BACKUP, sent=sent, got=900_000), "kopie.chmura.example")
    if hour % 3 == 0:
        page = conn(at, PRINTER, 443, source=MONITOR)
        yield from _named(page, "", version="TLSv10", validation_status="self-signed certificate")


def _fortnight(draw: random.Random) -> Iterator[Entry]:
    for day in range(14):
        for hour in range(24):
            working = day % 7 < 5 and 6 <= hour < 14
            found = list(_machines(day, hour, draw, working))
            for desk in DESKS if working else ():
                found += _desk(day, hour, desk, draw)
            found += _intruder(day, hour, draw)
            yield from sorted(found, key=lambda entry: entry.log.at)


def _intruder(day: int, hour: int, draw: random.Random) -> Iterator[Entry]:
    """A desk whose program asks for commands every ten minutes, and sends files away in the second Saturday's night."""
    at = MONDAY + day * DAY + hour * HOUR
    for place in range(6):
        start = at + place * 10 * MINUTE + draw.randrange(2 * MINUTE)
        if day % 7 < 5 and 6 <= hour < 14:
            yield from _named(conn(start, "45.9.9.9", source=VICTIM), "statystyki.napad.example")
        if (day, hour) == (12, 1):
            yield conn(start, "45.9.9.8", 22, source=VICTIM, sent=80_000_000, got=90_000, seconds=300.0)


def test_of_a_fortnight_of_an_office_the_intruder_alone_is_noticed() -> None:
    together = Analysis([one for one in analysers() if one.name in REMEMBERING])
    found = []
    for entry in _fortnight(random.Random(4)):
        found += [log.log.fields for log in together.see(entry)]
        found += [log.log.fields for log in together.tick(entry.log.at)]
    assert together.faults == 0
    assert [(fields["note"], fields["src"], fields["sub"]) for fields in found] == [
        ("Conn::Beacon", VICTIM, "statystyki.napad.example"),
        ("Conn::Odd_Hours", VICTIM, "45.9.9.8"),
        ("Conn::Upload_Above_Usual", VICTIM, "45.9.9.8"),
    ]
