"""An office's traffic for the sensor's benchmark: real conversations beside bulk, many flows at once.

The conversations are the fixtures of the sensor's parsers, each time between other addresses. Shares of packets:
15 % conversations (several times an office's), 51 % bulk over TLS, 15 % SMB, 11 % QUIC, 5 % RTP, 2 % DNS, 1 % ARP.
One packet in 35 begins a flow.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from tests.collector.protocols.talk import DATA, Turn, read

ACTIVE = 600
"""Flows that go on at once."""
_BEGIN = 1_790_000_000
"""Unix time of the first frame of a file."""
_ETHER = bytes.fromhex("020000000002020000000001")
_SYN, _SYN_ACK, _ACK, _PUSH, _FIN = 0x02, 0x12, 0x10, 0x18, 0x11
_SHARES = (("talk", 15), ("tls", 51), ("smb", 15), ("quic", 11), ("rtp", 5), ("dns", 2), ("arp", 1))
_SEGMENT = 1460
_SMB_READ = b"\0\1\0\x50\xfeSMB" + struct.pack("<HHIHH", 64, 1, 0, 8, 1) + bytes(44)
_ARP = _ETHER + bytes.fromhex("08060001080006040001020000000001") + b"\x0a\x01\x02\x03" + bytes(6) + b"\x0a\x01\x02\x04"
Ends = Callable[[random.Random], tuple[int, int]]
"""Draws the addresses of a flow: a computer of the office, and whom it talks to."""


def strangers(chance: random.Random) -> tuple[int, int]:
    """Draw one of 4,000 computers and whoever else: no flow has the target of another."""
    return 0x0A010000 + chance.randrange(4000), chance.randrange(1 << 24, 1 << 31)


def office(chance: random.Random) -> tuple[int, int]:
    """Draw one of 100 computers and a server that it knows: nine times of ten one of 500 that all use, else an own."""
    computer = chance.randrange(100)
    own = 0x50000000 + 2 * computer + chance.randrange(2)
    return 0x0A010000 + computer, own if chance.randrange(10) == 0 else 0x40000000 + chance.randrange(500)


class _Wire:
    """Makes the frames of one flow."""

    def __init__(self, chance: random.Random, ends: Ends, proto: int, ports: tuple[int, int]) -> None:
        self._ends = tuple(struct.pack(">I", end) for end in ends(chance))
        self._proto, self._ports = proto, ports
        self._seq = [chance.randrange(1 << 32), chance.randrange(1 << 32)]

    def frame(self, side: int, data: bytes = b"", flags: int = _PUSH) -> bytes:
        source, target = self._ends[side], self._ends[1 - side]
        ports = struct.pack(">HH", self._ports[side], self._ports[1 - side])
        if self._proto == 6:
            head = ports + struct.pack(">IIBBHI", self._seq[side], self._seq[1 - side], 0x50, flags, 65535, 0)
            self._seq[side] = (self._seq[side] + len(data) + (flags in {_SYN, _SYN_ACK, _FIN})) & 0xFFFFFFFF
        else:
            head = ports + struct.pack(">HH", 8 + len(data), 0)
        body = head + data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, self._proto, 0) + source + target
        return _ETHER + b"\x08\x00" + ip + body

    def opening(self) -> Iterator[bytes]:
        yield self.frame(0, flags=_SYN)
        yield self.frame(1, flags=_SYN_ACK)
        yield self.frame(0, flags=_ACK)

    def closing(self) -> Iterator[bytes]:
        yield self.frame(0, flags=_FIN)
        yield self.frame(1, flags=_FIN)


def _talk(chance: random.Random, ends: Ends, path: Path) -> Iterator[bytes]:
    talk = read(path)
    tcp = talk.flow.transport == "tcp"
    wire = _Wire(
        chance, ends, 6 if tcp else 17, (chance.randrange(1025, 65535) if tcp else talk.flow.orig_p, talk.flow.resp_p)
    )
    if tcp:
        yield from wire.opening()
    for side, data in talk.turns:
        for at in range(0, len(data), _SEGMENT):
            yield wire.frame(int(side), data[at : at + _SEGMENT])
    if tcp:
        yield from wire.closing()


def _bulk(chance: random.Random, ends: Ends, name: str, port: int, segment: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield a download: the beginning of a fixture, then segments, an acknowledgement after every second one."""
    talk = read(sorted((DATA / name).glob("*.talk"))[0])
    wire = _Wire(chance, ends, 6, (chance.randrange(1025, 65535), port))
    yield from wire.opening()
    for side, data in talk.turns[:4]:
        for at in range(0, len(data), _SEGMENT):
            yield wire.frame(int(side), data[at : at + _SEGMENT])
    for number in range(chance.randrange(20, 400)):
        yield wire.frame(1, segment())
        if number % 2:
            yield wire.frame(0, flags=_ACK)
    yield from wire.closing()


def _datagrams(
    chance: random.Random, ends: Ends, port: int, size: int, first: tuple[Turn, ...] = ()
) -> Iterator[bytes]:
    wire = _Wire(chance, ends, 17, (chance.randrange(1025, 65535), port))
    for side, data in first:
        yield wire.frame(int(side), data)
    for number in range(chance.randrange(20, 300)):
        head = struct.pack(">BBHII", 0x80, 8, number, 160 * number, 7) if not first else b"\x5a"
        yield wire.frame(int(number % 5 > 0), head + bytes(size))


def _of_an_answer(number: int) -> bytes:
    """Return a segment of answers of 64 KiB to READ."""
    return _SMB_READ + bytes(_SEGMENT - len(_SMB_READ)) if number % 45 == 0 else bytes(_SEGMENT)


def _flow(chance: random.Random, ends: Ends, kind: str, talks: list[Path]) -> Iterator[bytes]:
    match kind:
        case "talk":
            return _talk(chance, ends, chance.choice(talks))
        case "tls":
            return _bulk(chance, ends, "tls", 443, lambda: b"\x17\x03\x03\x40\x00" + bytes(_SEGMENT - 5))
        case "smb":
            turn = itertools.count()
            return _bulk(chance, ends, "smb", 445, lambda: _of_an_answer(next(turn)))
        case "quic":
            return _datagrams(chance, ends, 443, 1240, read(sorted((DATA / "quic").glob("*.talk"))[0]).turns)
        case "rtp":
            return _datagrams(chance, ends, 16384 + 2 * chance.randrange(1000), 160)
        case "dns":
            return _talk(chance, ends, DATA / "dns" / "address.talk")
        case _:
            return iter([_ARP])


def frames(packets: int, seed: int = 20261122, ends: Ends = strangers) -> Iterator[bytes]:
    """Yield so many frames of the mix; the same ones for the same seed."""
    chance = random.Random(seed)
    talks = sorted(DATA.glob("*/*.talk"))
    share = dict(_SHARES)
    sent = dict.fromkeys(share, 0)
    active: list[tuple[str, Iterator[bytes]]] = []
    for _ in range(packets):
        frame = None
        while frame is None:
            while len(active) < ACTIVE:
                # The kind that lags behind its share most comes next.
                kind = min(share, key=lambda name: sent[name] / share[name])
                active.append((kind, _flow(chance, ends, kind, talks)))
                sent[kind] += 5
            place = chance.randrange(len(active))
            kind, flow = active[place]
            frame = next(flow, None)
            if frame is None:
                active[place] = active[-1]
                active.pop()
                sent[kind] -= 5
        sent[kind] += 1
        yield frame


def write(out: IO[bytes], made: Iterable[bytes], rate: int) -> None:
    """Write frames as a capture file (pcap, nanoseconds), so many in a second of its clock."""
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
    for number, frame in enumerate(made):
        at = _BEGIN * rate + number
        head = struct.pack("<IIII", at // rate, at % rate * (1_000_000_000 // rate), len(frame), len(frame))
        out.write(head + frame)
