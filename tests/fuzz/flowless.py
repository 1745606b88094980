"""What the fuzzers do with packets that belong to no flow: ARP, neighbour discovery, LLDP, CDP.

Each is read twice: as its parser is given it, and as a frame on the way that it takes through the sensor, where nothing
may be raised at all.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import NamedTuple

from collector.capture.batch import Link, batch_of
from collector.headers.parse import Headers, parse
from collector.heads.linklayer import LinkLayer
from collector.protocols import arp, neighbour
from collector.rare.dissector import checked
from collector.rare.form import CDP, LIST, LLDP, TEXT
from collector.rare.frames import LLC, LONGEST, rare
from collector.rare.worker import told
from tests.collector.packets import NOON
from tests.collector.protocols.talk import ALLOWED
from tests.collector.rare.announcements import phone, switch
from tests.fuzz.neighbours import ADVERTISEMENT, CLAIM, QUESTION, ROUTER

_CARD = bytes.fromhex("020000000001")
_LINK = bytes.fromhex("020000000002") + _CARD
_IP6 = bytes.fromhex("60000000") + b"%b" + b"\x3a\xff" + bytes(15) + b"\1" + bytes(15) + b"\2"


class Target(NamedTuple):
    """Inputs to begin with, and what is done with each input."""

    seeds: tuple[bytes, ...]
    one: Callable[[bytes], None]


def _headers(content: bytes) -> Headers:
    return parse(batch_of([_LINK + content], [NOON], Link.ETHERNET))


def _arp(raw: bytes) -> None:
    with contextlib.suppress(*ALLOWED):
        arp.read(5, raw)
    list(LinkLayer().read(_headers(b"\x08\x06" + raw)))


def _neighbour(raw: bytes) -> None:
    with contextlib.suppress(*ALLOWED):
        neighbour.read(5, "fe80::1", "ff02::1", _CARD, raw)
    list(LinkLayer().read(_headers(b"\x86\xdd" + _IP6 % len(raw[:65_535]).to_bytes(2, "big") + raw)))


def _announced(kind: int, raw: bytes) -> None:
    """Read what the worker would read; what it answers is a line of JSON within the bounds of a log."""
    for value in checked(json.loads(json.dumps(told(kind, raw[:LONGEST])))).values():
        texts = value if isinstance(value, list) else [value]
        assert len(texts) <= LIST
        assert all(len(text) <= TEXT for text in texts if isinstance(text, str))


def _lldp(raw: bytes) -> None:
    _announced(LLDP, raw)
    assert [frame.kind for frame in rare(_headers(b"\x88\xcc" + raw))] == [LLDP]


def _cdp(raw: bytes) -> None:
    _announced(CDP, raw)
    size = (len(LLC) + len(raw)) % 0x600
    assert all(len(frame.data) <= size for frame in rare(_headers(size.to_bytes(2, "big") + LLC + raw)))


TARGETS = {
    "arp": Target((QUESTION, CLAIM), _arp),
    "neighbour": Target((ADVERTISEMENT, ROUTER), _neighbour),
    "lldp": Target((switch()[14:], switch("s", 0, bytes(16))[14:]), _lldp),
    "cdp": Target((phone()[14 + len(LLC) :], phone("x" * 300)[14 + len(LLC) :]), _cdp),
}
"""By the names under which the fuzzers know them."""
