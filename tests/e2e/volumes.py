"""What takes hours or gigabytes, or another sensor, each beside its harmless twin."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from collector.protocols.model import Side
from tests.collector.packets import claim, lease
from tests.e2e.attacks import GATEWAY, OWNER, SERVER, STRANGER, spoken
from tests.e2e.history import DAYS, HOUR, Moment, named

SENDER, PHOTOGRAPHER, FAR, SHARED = "10.66.1.120", "10.66.4.120", "203.0.113.60", "203.0.113.61"
PRINTER, OTHER_PRINTER, FILES = "10.66.0.24", "10.66.0.25", "10.66.0.26"
NEW_CARD, NEW_PHONE, PHONE = "00:1b:78:00:01:20", "00:1b:78:00:01:21", "00:1b:78:00:04:21"
URGENT, WORTH_A_LOOK, NOTED = "10.66.1.121", "10.66.1.122", "10.66.4.121"
_SEGMENT = 60_000


class Poured(NamedTuple):
    """A connection whose segment is sent so many times, evenly over so many seconds."""

    frames: list[bytes]
    times: int
    seconds: float
    place: int = 3


def _upload(source: str, target: str) -> list[bytes]:
    turns = [(Side.ORIG, bytes(_SEGMENT)), (Side.RESP, b"ok")]
    return spoken(source, target, 443, turns, 50300, size=_SEGMENT)


#: More than five gigabytes within seconds, and what a folder of photographs brings to a server that others use, too.
MUCH = Poured(_upload(SENDER, FAR), 86_000, 20)
LITTLE = Poured(_upload(PHOTOGRAPHER, SHARED), 600, 8)


def _visit(source: str, target: str, sent: int = 3000) -> list[bytes]:
    return spoken(source, target, 443, [(Side.ORIG, b"x" * sent), (Side.RESP, b"y" * 90)], 50301)


def _printed(printer: str, sent: int) -> list[bytes]:
    """A page is printed, and the printer says something to its maker."""
    page = spoken("10.66.4.122", printer, 9100, [(Side.ORIG, b"\x1b%-12345X@PJL JOB\r\n")], 50302)
    return [*page, *_visit(printer, SHARED, sent)]


def _served(port: int) -> list[bytes]:
    return spoken("10.66.4.122", FILES, port, [(Side.ORIG, b"x"), (Side.RESP, b"y")], 50303)


def before() -> Iterator[Moment]:
    """Two weeks in which both computers sent a little each day, and the telephone was there."""
    always = [lease(SERVER, GATEWAY), claim(GATEWAY, OWNER), *named(PHONE, "galaxy-ani"), *_served(443)]
    yield from ((hour * HOUR + 1800.0, always) for hour in range(8 * 24))
    for day in range(1, DAYS):
        yield day * 86_400.0, [*_visit(SENDER, FAR), *_visit(PHOTOGRAPHER, SHARED)]


#: Title of the alert → whom it is about.
WANTED = {
    "Very Large Upload in One Connection": SENDER,
    "Very Large Upload in a Connection That Goes On": SENDER,
    "Computer Sends out Much More than on Its Other Days": SENDER,
    "Several Gigabytes Left from One Computer in a Day": SENDER,
    "Connection of Hours to a Target That Nobody Else Uses": SENDER,
    "Printer Sends Data out of the Office": PRINTER,
    "New Device in the Network": "",
    "New Telephone or Tablet in the Network": "",
    "Computer Answers on a New Port": "",
    "Suricata Raised an Urgent Alert": URGENT,
    "Suricata Raised an Alert": WORTH_A_LOOK,
}


def frames() -> list[bytes]:
    """What passes by beside the upload."""
    return [
        *_printed(PRINTER, 1_200_000),
        *named(NEW_CARD, "nowy-komputer"),
        *named(NEW_PHONE, "galaxy-jana"),
        *_served(8765),
    ]


def twins() -> list[bytes]:
    """The same, as it happens in an office all day; first of all, somebody else uses the server of the photographs."""
    return [
        *_visit("10.66.4.122", SHARED),
        *_printed(OTHER_PRINTER, 900),
        *named(PHONE, "galaxy-ani"),
        *_served(443),
    ]


def alerts(*said: tuple[str, int]) -> bytes:
    """Return lines of Suricata: each source, and how severe its alert is (1 is the worst)."""
    return b"".join(json.dumps(_alert(number, *one)).encode() + b"\n" for number, one in enumerate(said))


def _alert(number: int, source: str, severity: int) -> dict[str, Any]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000000+0000", time.gmtime())
    told = {"action": "allowed", "gid": 1, "signature_id": 2_000_000 + severity, "rev": 1, "severity": severity}
    told |= {"signature": f"GMINA test {severity}", "category": "Misc Attack"}
    ends = {"src_ip": source, "src_port": 50310 + number, "dest_ip": STRANGER, "dest_port": 443, "proto": "TCP"}
    return {"timestamp": moment, "flow_id": 7000 + number, "event_type": "alert", **ends, "alert": told}
