"""Packets made with scapy, as batches and as capture files."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import ARP, Ether

from collector.capture.batch import NO_VLAN, Batch, Link, batch_of
from collector.capture.files import CaptureFile

SECOND = 1_000_000_000
NOON = 1_790_000_000 * SECOND
"""Nanoseconds of Unix time at which made packets begin."""


def batch(
    packets: Sequence[Any], at: Sequence[int] | None = None, link: int = Link.ETHERNET, vlan: int = NO_VLAN
) -> Batch:
    """Return packets as they come from a card; a millisecond apart unless `at` (nanoseconds) says otherwise."""
    times = list(at) if at is not None else [NOON + i * 1_000_000 for i in range(len(packets))]
    return batch_of([bytes(packet) for packet in packets], times, link, vlan)


def scan(source: str, target: str, ports: Iterable[int]) -> list[bytes]:
    """Return a scan of closed ports: each attempt and its refusal."""
    there = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst=target)
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src=target, dst=source)
    frames = []
    for port in ports:
        frames.append(bytes(there / TCP(sport=40000, dport=port, flags="S", seq=7)))
        frames.append(bytes(back / TCP(sport=port, dport=40000, flags="RA", ack=8)))
    return frames


def tunnel(source: str, server: str, count: int) -> list[bytes]:
    """Return questions for names that carry data, each with its answer."""
    draw = random.Random(count)
    there = Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:02") / IP(src=source, dst=server)
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:03") / IP(src=server, dst=source)
    frames = []
    for number in range(count):
        asked = DNSQR(qname=f"{draw.randbytes(24).hex()}.t.badanie.example", qtype="TXT")
        frames.append(bytes(there / UDP(sport=41000, dport=53) / DNS(id=number, qd=asked)))
        frames.append(bytes(back / UDP(sport=53, dport=41000) / DNS(id=number, qr=1, rcode=3, qd=asked)))
    return frames


def resolved(source: str, server: str, name: str, *answers: str, port: int = 42000) -> list[bytes]:
    """Return the question for a name's address and its answer, which are addresses or, without any, that it is none."""
    there = Ether(src="02:00:00:00:00:04", dst="02:00:00:00:00:02") / IP(src=source, dst=server)
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:04") / IP(src=server, dst=source)
    said = [DNSRR(rrname=name, ttl=5, rdata=answer) for answer in answers]
    asked = {"qd": DNSQR(qname=name), "id": 7}
    answer = DNS(qr=1, rcode=0 if said else 3, an=said, **asked)
    return [bytes(there / UDP(sport=port, dport=53) / DNS(**asked)), bytes(back / UDP(sport=53, dport=port) / answer)]


def claim(address: str, card: str) -> bytes:
    """Return what a card says whose address it has."""
    everyone = "ff:ff:ff:ff:ff:ff"
    said = ARP(op=2, hwsrc=card, psrc=address, hwdst=everyone, pdst=address)
    return bytes(Ether(src=card, dst=everyone) / said)


def lease(server: str, router: str) -> bytes:
    """Return a DHCP server's answer that names the gateway."""
    said = DHCP(options=[("message-type", "ack"), ("server_id", server), ("router", router), "end"])
    there = Ether(src="02:00:00:00:00:02", dst="ff:ff:ff:ff:ff:ff") / IP(src=server, dst="255.255.255.255")
    return bytes(there / UDP(sport=67, dport=68) / BOOTP(op=2, yiaddr="10.0.0.77", chaddr=bytes(6)) / said)


def accepted(source: str, target: str, port: int) -> list[bytes]:
    """Return a connection that is accepted and at once given up."""
    there = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst=target)
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src=target, dst=source)
    first = bytes(there / TCP(sport=40000 + port, dport=port, flags="S", seq=7))
    answer = bytes(back / TCP(sport=port, dport=40000 + port, flags="SA", seq=3, ack=8))
    return [first, answer, bytes(there / TCP(sport=40000 + port, dport=port, flags="R", seq=8))]


def router(card: str, prefix: str) -> bytes:
    """Return the announcement of a router of IPv6."""
    there = Ether(src=card, dst="33:33:00:00:00:01") / IPv6(src="fe80::66", dst="ff02::1")
    return bytes(there / ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=64))


def asked(cards: Iterable[str]) -> list[bytes]:
    """Return the questions of cards that want an address."""
    there = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
    said = DHCP(options=[("message-type", "discover"), "end"])
    found = []
    for card in cards:
        link = Ether(src=card, dst="ff:ff:ff:ff:ff:ff")
        found.append(bytes(link / there / BOOTP(chaddr=bytes.fromhex(card.replace(":", ""))) / said))
    return found


def pcap(frames: Sequence[bytes], *, order: str = "<", nanos: bool = False, link: int = 1, cut: int = 65535) -> bytes:
    """Return a classic capture file; frames are a second and 7 units apart."""
    magic = 0xA1B23C4D if nanos else 0xA1B2C3D4
    out = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, cut, link)]
    for i, frame in enumerate(frames):
        kept = frame[:cut]
        out += [struct.pack(f"{order}IIII", 1_790_000_000 + i, 7 * i, len(kept), len(frame)), kept]
    return b"".join(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    """Return a block of a pcapng file."""
    body += bytes(-len(body) % 4)
    return struct.pack(f"{order}II", kind, len(body) + 12) + body + struct.pack(f"{order}I", len(body) + 12)


def section(order: str) -> bytes:
    """Return the beginning of a section."""
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int, options: bytes = b"", snaplen: int = 0) -> bytes:
    """Return the description of an interface."""
    return block(order, 1, struct.pack(f"{order}HHI", link, 0, snaplen) + options)


def enhanced(order: str, number: int, ticks: int, frame: bytes, wire: int | None = None) -> bytes:
    """Return a packet with its time in the interface's units."""
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), wire or len(frame))
    return block(order, 6, head + frame)


def frames_of(data: bytes) -> tuple[list[tuple[int, bytes, int, int]], str]:
    """Read a file: (time, bytes, length on the wire, link type) of each frame, and why it broke off."""
    file = CaptureFile(io.BufferedReader(io.BytesIO(data)))
    found = []
    for part in file:
        for i in range(len(part)):
            start, length = int(part.start[i]), int(part.caplen[i])
            frame = part.data[start : start + length].tobytes()
            found.append((int(part.at[i]), frame, int(part.wire[i]), int(part.link[i])))
    return found, file.broken
