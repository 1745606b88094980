"""What an office's traffic consists of: connections, questions, pages, leases."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from scapy.layers.dhcp import BOOTP, DHCP

from collector.protocols.model import Side
from tests.collector.office import said
from tests.collector.office.frames import SECOND, Frame, Host, tcp, udp
from tests.collector.office.world import DC, DESKS, EVERYBODY, WALL, place_of
from tests.collector.protocols.talk import Turn


class Maker:
    """Makes what everything in the office consists of; the same for the same seed."""

    def __init__(self, seed: int = 20261123, desks: int = len(DESKS)) -> None:
        self.draw = random.Random(seed)
        self.desks = DESKS[:desks]
        self._port = 49_152

    def own(self) -> int:
        self._port = 49_152 + (self._port - 49_151) % 16_000
        return self._port

    def when(self, begin: float, width: float) -> int:
        return int((begin + self.draw.random() * width) * SECOND)

    def tcp(
        self, at: int, source: Host, target: Host, port: int, turns: Sequence[Turn], **more: float
    ) -> Iterator[Frame]:
        return tcp(at, (source, target), (self.own(), port), turns, **more)  # type: ignore[arg-type]  # counts

    def udp(
        self, at: int, source: Host, target: Host, port: int, turns: Sequence[Turn], own: int = 0
    ) -> Iterator[Frame]:
        return udp(at, (source, target), (own or self.own(), port), turns)

    def asked(
        self, at: int, source: Host, name: str, answer: str, kind: str = "A", server: Host = DC
    ) -> Iterator[Frame]:
        question, told = said.question(name, kind, answer)
        number = self.draw.randbytes(2)
        turns = [(Side.ORIG, number + question[2:]), (Side.RESP, number + told[2:])]
        return self.udp(at, source, server, 53, turns)

    def page(self, at: int, source: Host, name: str, sent: int = 900, got: int = 30_000) -> Iterator[Frame]:
        """A name is asked for, by the domain's server, too, and a page is fetched."""
        far = place_of(name)
        yield from self.asked(at, source, name, far.ip)
        if self.draw.random() < 0.2:
            yield from self.asked(at + 3_000_000, DC, name, far.ip, server=Host("9.9.9.9", WALL.card))
        yield from self.tcp(at + 40_000_000, source, far, 443, said.hello(name), sent=sent, got=got)

    def leased(self, at: int, source: Host, name: str, *, renewed: bool = False) -> Iterator[Frame]:
        """An address is asked for, or its time made longer."""
        card, number = source.card, self.draw.getrandbits(32)
        maker = {"printer": "Hewlett-Packard JetDirect", "phone": "yealink"}.get(
            name.split("-", maxsplit=1)[0], "MSFT 5.0"
        )
        wanted = [
            ("hostname", name),
            ("vendor_class_id", maker),
            ("param_req_list", [1, 3, 6, 15, 31, 33, 43, 44, 46, 47]),
        ]
        given = [("server_id", DC.ip), ("router", WALL.ip), ("name_server", DC.ip), ("lease_time", 28_800)]
        steps = [("request", False), ("ack", True)]
        if not renewed:
            steps = [("discover", False), ("offer", True), *steps]
        for kind, answered in steps:
            what = DHCP(options=[("message-type", kind), *(given if answered else wanted), "end"])
            lease = {"yiaddr": source.ip} if answered else {"ciaddr": source.ip if renewed else "0.0.0.0"}
            body = bytes(BOOTP(op=1 + answered, chaddr=card, xid=number, **lease) / what)
            here = source if renewed else Host("0.0.0.0", card)
            ends = (DC, source if renewed else EVERYBODY) if answered else (here, DC if renewed else EVERYBODY)
            yield from udp(at, ends, (67, 68) if answered else (68, 67), [(Side.ORIG, body)])
            at += 20_000_000
