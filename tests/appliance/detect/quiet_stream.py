"""A stream as a quiet office makes it, to see which rules cry wolf. Same seed, same stream.

Two halves: events of the public samples on which no rule of SigmaHQ fires, with names, paths and command lines given
anew, and ordinary office events made from the templates of `office_day.yaml`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import yaml

from appliance.detect import Event
from appliance.detect.values import Value
from appliance.normalise import normalise
from tests.appliance.detect.corpus import SOURCE

_TEMPLATES = Path(__file__).with_name("office_day.yaml")
_PEOPLE = [f"{first}.{last}" for first in ("anna", "jan", "ewa", "piotr", "zofia") for last in ("nowak", "lis", "kruk")]
_HOSTS = [f"{room}-{number:02}" for room in ("KADRY", "KSIEG", "USC", "KASA", "SEKR") for number in range(1, 9)]
_WORDS = ("pismo", "umowa", "decyzja", "raport", "wniosek", "spis", "protokol", "faktura", "uchwala", "zalacznik")
_SERVICES = ("BITS", "Schedule", "wuauserv", "Dnscache", "EventLog", "Themes", "gpsvc", "LanmanServer", "Spooler")
_LIBRARIES = ("kernel32.dll", "user32.dll", "bcrypt.dll", "winspool.drv", "msvcp140.dll", "rpcrt4.dll", "shell32.dll")
_PROGRAMS = ("EzdKlient", "Platnik", "Szafir", "agent", "update", "client", "sync", "service", "helper", "broker")
_VENDORS = ("EZD", "Asseco", "Comarch", "Google", "Adobe", "ESET", "Mozilla", "Sygnity", "HP", "LibreOffice")
#: Events in which a program is named, by the keys that name it; three of four get another ordinary program.
_PROGRAM_KEYS = frozenset({"process.executable", "process.parent.executable", "winlog.event_data.TargetImage"})
_COMMAND_KEYS = {
    "process.command_line": "process.executable",
    "process.parent.command_line": "process.parent.executable",
}
_HOST_KEYS = frozenset({"host.name", "winlog.computer_name", "source.domain"})
_USER_KEYS = frozenset({"user.name", "winlog.event_data.SubjectUserName", "winlog.event_data.TargetUserName"})
_ADDRESS_KEYS = frozenset({"source.ip", "destination.ip", "winlog.event_data.IpAddress"})


def quiet_stream(samples: Sequence[Event], count: int, seed: int) -> Iterator[Event]:
    """`count` events, every other one a varied sample; `samples` are those on which no rule of SigmaHQ fires."""
    draw = random.Random(seed)
    office = office_day(draw)
    for number in range(count):
        yield next(office) if number % 2 else _varied(draw.choice(samples), draw)


def office_day(draw: random.Random) -> Iterator[Event]:
    """Ordinary events without end, as the gateway would hand them on."""
    weights, records = _templates()
    while True:
        (record,) = draw.choices(records, weights)
        words = _words(draw)
        filled = {key: value.format(**words) if isinstance(value, str) else value for key, value in record.items()}
        filled |= {
            "Computer": f"{words['host']}.gmina.local",
            "EventRecordID": draw.randrange(10**9),
            "TimeCreated": f"2026-11-20T{draw.randrange(7, 16):02}:{draw.randrange(60):02}:{draw.randrange(60):02}Z",
        }
        yield normalise(orjson.dumps(filled), SOURCE)


@lru_cache(maxsize=1)
def _templates() -> tuple[list[int], list[dict[str, Any]]]:
    rows = yaml.load(_TEMPLATES.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return [weight for weight, _ in rows], [record for _, record in rows]


def _words(draw: random.Random) -> dict[str, str]:
    number = draw.randrange(len(_PEOPLE))
    return {
        "user": _PEOPLE[number],
        "rid": str(1100 + number),
        "host": draw.choice(_HOSTS),
        "ip": f"192.168.10.{draw.randrange(30, 200)}",
        "b": str(draw.randrange(1, 255)),
        "n": str(draw.randrange(1000, 60_000)),
        "hex": f"{draw.getrandbits(32):08x}",
        "doc": f"{draw.choice(_WORDS)}{draw.randrange(1000)}",
        "dll": draw.choice(_LIBRARIES),
        "svc": draw.choice(_SERVICES),
    }


def _program(draw: random.Random) -> str:
    return f"C:\\Program Files\\{draw.choice(_VENDORS)}\\{draw.choice(_PROGRAMS)}{draw.randrange(40)}.exe"


def _varied(event: Event, draw: random.Random) -> Event:
    """The event with what differs from office to office given anew; what kind of event it is stays."""
    words = _words(draw)
    found: dict[str, Value] = dict(event)
    for key, value in event.items():
        if isinstance(value, str) and value:
            found[key] = _value(key, value, draw, words)
    for key, program in _COMMAND_KEYS.items():
        if key in event and draw.random() < 0.7:
            found[key] = f'"{found.get(program, "")}" --id {words["hex"]} "D:\\Wspolny\\{words["doc"]}.docx"'
    return found


def _value(key: str, value: str, draw: random.Random, words: dict[str, str]) -> str:
    if key in _PROGRAM_KEYS:
        return _program(draw) if draw.random() < 0.75 else value
    if key in _HOST_KEYS:
        return f"{words['host']}.gmina.local"
    if key in _USER_KEYS:
        return value if value.endswith("$") or value in {"-", "SYSTEM"} else words["user"]
    if key in _ADDRESS_KEYS:
        return words["ip"] if "." in value else value
    if key == "file.path":
        return f"C:\\Users\\{words['user']}\\AppData\\Local\\{draw.choice(_VENDORS)}\\{words['hex']}.tmp"
    if key == "dll.path":
        return f"C:\\Program Files\\{draw.choice(_VENDORS)}\\{words['doc']}.dll" if draw.random() < 0.75 else value
    if key == "registry.path":
        return f"{value}\\{words['hex']}" if draw.random() < 0.5 else f"HKLM\\SOFTWARE\\{draw.choice(_VENDORS)}\\x"
    if key == "dns.question.name":
        return f"{words['doc']}.example.com"
    return value
