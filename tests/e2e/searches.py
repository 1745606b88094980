"""Attacks that many small things make, of which each alone is nothing, each beside its harmless twin."""

from __future__ import annotations

import random
import string

from tests.collector.packets import resolved, tunnel
from tests.e2e.attacks import SERVER, spoken, told
from tests.e2e.attacks import service_made as made
from tests.e2e.cases import Case, fixture, played
from tests.e2e.names import RESOLVER

_PANEL, _PUMP = "10.66.0.30", "10.66.0.23"
_FOREIGN = "198.51.100.53"
_LIAR, _NEIGHBOUR = bytes([192, 168, 10, 66]), bytes([192, 168, 10, 67])


def _accounts(source: str, count: int) -> list[bytes]:
    """Sign-ins of so many accounts that the domain does not know."""
    turns = fixture("kerberos", "roast").turns[4:]
    frames: list[bytes] = []
    for number in range(count):
        sought = [(side, data.replace(b"admin1", b"adm%03d" % number)) for side, data in turns]
        frames += spoken(source, SERVER, 88, sought, 36000 + number)
    return frames


def _invented(source: str, count: int) -> list[bytes]:
    draw = random.Random(count)
    names = ["".join(draw.choices("bcdfghjklmnpqrstvwxz", k=14)) + ".com" for _ in range(count)]
    return [frame for port, name in enumerate(names, 46000) for frame in resolved(source, RESOLVER, name, port=port)]


def _asked(source: str, server: str, count: int) -> list[bytes]:
    """So many questions, each from a port of its own."""
    names = [f"{letter}{other}.gmina.example" for letter in string.ascii_lowercase for other in "abc"][:count]
    return [
        frame
        for port, name in enumerate(names, 47000)
        for frame in resolved(source, server, name, "203.0.113.9", port=port)
    ]


def _answered(source: str, count: int, answer: bytes) -> list[bytes]:
    """A neighbour says of so many names that they are its own."""
    turns = fixture("dns", "llmnr").turns
    frames: list[bytes] = []
    for number in range(count):
        said = [(side, data.replace(b"wpad", b"fil%d" % number).replace(_LIAR, answer)) for side, data in turns]
        frames += told(source, "224.0.0.252", 5355, said, 37000 + number)
    return frames


def _devices(source: str, count: int) -> list[bytes]:
    """So many devices are asked who they are, with the password that they left the factory with."""
    return [frame for n in range(count) for frame in played("snmp", "search", source, f"10.66.5.{n + 1}", 38000 + n, 2)]


def _renamed(source: str, count: int) -> list[bytes]:
    """So many files of a server get another ending."""
    return [frame for n in range(count) for frame in played("smb", "rename", source, own=39000 + n)]


def of_many() -> list[Case]:
    """What only a count shows."""
    return [
        Case(
            ("Many Account Names Tried in the Domain",),
            "10.66.1.110",
            _accounts("10.66.1.110", 16),
            _accounts("10.66.4.110", 2),
        ),
        Case(
            ("Many Invented Names Asked of DNS", "Invented Domains Sought over a Day"),
            "10.66.1.111",
            _invented("10.66.1.111", 26),
            _invented("10.66.4.111", 3),
        ),
        Case(
            ("Hundreds of Long Names Asked of DNS",),
            "10.66.1.112",
            tunnel("10.66.1.112", RESOLVER, 104),
            tunnel("10.66.4.112", RESOLVER, 5),
        ),
        Case(
            ("Computer Asks a Name Server in the Internet",),
            "10.66.1.113",
            _asked("10.66.1.113", _FOREIGN, 52),
            _asked("10.66.4.113", RESOLVER, 52),
        ),
        Case(
            ("One Computer Answers for Many Names",),
            "192.168.10.66",
            _answered("10.66.1.114", 6, _LIAR),
            _answered("10.66.4.114", 2, _NEIGHBOUR),
        ),
        Case(
            ("Devices Searched with a Factory Password (SNMP)",),
            "10.66.1.115",
            _devices("10.66.1.115", 12),
            _devices("10.66.4.115", 3),
        ),
        Case(
            ("Many Files on a Server Renamed",), "10.66.1.116", _renamed("10.66.1.116", 122), _renamed("10.66.4.116", 5)
        ),
        Case(
            ("Program Put on Several Computers over Administrative Shares",),
            "10.66.1.117",
            [frame for n in range(3) for frame in made("10.66.1.117", target=f"10.66.6.{n + 1}")],
            [frame for n in range(3) for frame in made("10.66.4.117", tame=True, target=f"10.66.6.{n + 1}")],
        ),
        Case(
            ("Second Computer Writes to a Controller",),
            _PUMP,
            [*played("modbus", "pump", _PANEL, _PUMP), *played("modbus", "pump", "10.66.1.118", _PUMP)],
            [*played("modbus", "pump", _PANEL, _PUMP, 50001), *played("modbus", "pump", "10.66.4.118", _PUMP, most=4)],
        ),
    ]
