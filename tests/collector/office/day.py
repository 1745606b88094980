"""Days of an ordinary office as packets with their own times: fifty desks, a domain, machines, and nobody wicked.

What passes by a mirror port between the office's switch and its gateway: sign-ins, shares, printing, pages, updates,
calls, monitoring, cameras, VPN, administrators, mail and the office's page, backups by night.
"""

from __future__ import annotations

import string
import struct
from collections.abc import Iterator
from heapq import merge

from collector.protocols.model import Side
from tests.collector.office import said
from tests.collector.office.frames import SECOND, Frame, Host, arp, ping, refused, silent
from tests.collector.office.making import Maker
from tests.collector.office.world import (
    ADMIN,
    BACKUP,
    BEGIN,
    CAMERAS,
    DAY,
    DC,
    DC2,
    EXCHANGE,
    EZD,
    FILES,
    HOUR,
    LINUX,
    MAIL,
    MINUTE,
    MONITOR,
    NAS,
    PAGE,
    PARTS,
    PHONES,
    PRINTERS,
    PRINTS,
    RECORDER,
    SERVERS,
    SERVICES,
    SITES,
    SWITCH,
    UPDATES,
    WALL,
    place_of,
)  # fmt: skip


class Office(Maker):
    """Makes the frames of its days."""

    def days(self, count: int) -> Iterator[Frame]:
        """Yield so many days in the order of time, from six in the morning of a Monday: sensors are put up by day."""
        return self.between(6, 6 + 24 * count)

    def between(self, first: int, last: int) -> Iterator[Frame]:
        """Yield what passes by from this hour of the Monday up to that one."""
        for day in range(first // 24, (last + 23) // 24):
            parts = self._day(BEGIN + day * DAY, working=day % 7 < 5)
            for frame in merge(*(sorted(part) for part in parts)):
                if first * HOUR <= frame.at // SECOND - BEGIN < last * HOUR:
                    yield frame

    def _day(self, begin: int, *, working: bool) -> Iterator[list[Frame]]:
        for hour in range(24):
            at = begin + hour * HOUR
            yield [frame for part in self._always(at, hour, working=working) for frame in part]
        for desk in self.desks if working else ():
            yield [frame for part in self._desk(begin, desk) for frame in part]
        for phone in PHONES:
            yield [frame for part in self._phone(begin, phone, working=working) for frame in part]

    def _always(self, at: int, hour: int, *, working: bool) -> Iterator[Iterator[Frame]]:
        busy = working and 5 <= hour < 14
        for minute in range(0, 60, 15):
            yield from self._monitored(at + minute * MINUTE, busy=busy)
        yield from self._machines(at, hour)
        yield from self._from_outside(at)
        if hour in {22, 23}:
            yield from self._backups(at)

    def _monitored(self, at: int, *, busy: bool) -> Iterator[Iterator[Frame]]:
        """The monitoring server looks at all that there is, whether it is on or off."""
        for place, host in enumerate((*SERVERS, *PRINTERS, SWITCH, *self.desks)):
            now = (at + 2 * place) * SECOND // 1
            off = host in self.desks and not busy
            yield arp(now, MONITOR, host, answered=not off)
            yield ping(now + 1_000_000, (MONITOR, host), answered=not off)
            if host in SERVERS:
                for port in (22, 443, 3389):
                    yield self.tcp(now + port * 1000, MONITOR, host, port, ())
            elif host in self.desks and off:
                yield silent(now + 5_000_000, (MONITOR, host), (self.own(), 10_050))
            elif host in self.desks:
                yield self.tcp(
                    now + 5_000_000, MONITOR, host, 10_050, [(Side.ORIG, b"ZBXD\1agent.ping"), (Side.RESP, b"ZBXD\1 1")]
                )
            else:
                yield self.udp(
                    now + 5_000_000,
                    MONITOR,
                    host,
                    161,
                    [(side, data.replace(b"public", b"gminRO")) for side, data in said.turns("snmp/search")[:2]],
                )

    def _machines(self, at: int, hour: int) -> Iterator[Iterator[Frame]]:
        for camera in CAMERAS:
            yield self.udp(self.when(at, HOUR), camera, DC, 123, said.turns("ntp/time")[:2])
            yield self.udp(
                self.when(at, HOUR),
                camera,
                Host("239.255.255.250", bytes.fromhex("01005e7ffffa")),
                1900,
                said.turns("ssdp/camera")[:2],
                own=1900,
            )
            if hour % 6 == 0:
                yield self.tcp(
                    at * SECOND,
                    RECORDER,
                    camera,
                    554,
                    [(Side.ORIG, b"OPTIONS rtsp://k/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")],
                    seconds=6 * HOUR - 60,
                )
        for printer in PRINTERS:
            yield arp(self.when(at, HOUR), printer, WALL)
            yield self.udp(
                self.when(at, HOUR),
                printer,
                Host("224.0.0.251", bytes.fromhex("01005e0000fb")),
                5353,
                said.turns("dns/multicast")[1:2],
                own=5353,
            )
            yield self.udp(self.when(at, HOUR), PRINTS, printer, 161, said.turns("snmp/search")[:2])
            if hour % 12 == 3:
                yield self.leased(self.when(at, HOUR), printer, f"printer-{printer.ip[-2:]}", renewed=True)
        for server in SERVERS:
            yield arp(self.when(at, HOUR), server, WALL)
            yield self.udp(self.when(at, HOUR), server, DC, 123, said.turns("ntp/time")[:2])
            yield self.page(self.when(at, HOUR), server, self.draw.choice(SERVICES))
        yield self.udp(self.when(at, HOUR), SWITCH, LINUX, 514, said.turns("syslog/switch")[:1])
        yield self.tcp(self.when(at, HOUR), DC, DC2, 389, said.turns("ldap/ticket")[:2])
        peer = Host("83.14.20.9", WALL.card)
        yield self.udp(
            at * SECOND,
            WALL,
            peer,
            4500,
            [(Side.ORIG, bytes(4) + bytes(120)), (Side.RESP, bytes(4) + bytes(120))] * 20,
            own=4500,
        )
        yield iter([Frame(at * SECOND + 5, said.advertised(), len(said.advertised()))])

    def _from_outside(self, at: int) -> Iterator[Iterator[Frame]]:
        """The office's page is read, letters come and go, people work from home."""
        for _ in range(40):
            reader = Host(
                f"{self.draw.randrange(77, 95)}.{self.draw.randrange(250)}.4.{self.draw.randrange(1, 250)}", WALL.card
            )
            yield self.tcp(self.when(at, HOUR), reader, PAGE, 443, said.hello("bip.gmina.pl"), sent=600, got=40_000)
        for _ in range(6):
            far = place_of(f"mx{self.draw.randrange(40)}.poczta.pl")
            yield self.tcp(self.when(at, HOUR), far, MAIL, 25, said.LETTER)
            yield self.tcp(self.when(at, HOUR), MAIL, far, 25, said.LETTER)
        home = Host(f"79.184.{self.draw.randrange(250)}.{self.draw.randrange(1, 250)}", WALL.card)
        yield self.udp(
            self.when(at, HOUR),
            home,
            WALL,
            1194,
            [(Side.ORIG, b"\x38" + bytes(60)), (Side.RESP, b"\x40" + bytes(60))] * 15,
        )

    def _backups(self, at: int) -> Iterator[Iterator[Frame]]:
        for place, server in enumerate(SERVERS):
            yield self.tcp((at + 100 * place) * SECOND, BACKUP, server, 10_001, (), got=30_000_000)
        cloud = "kopie.chmura-gminna.pl"
        yield self.page((at + 2000) * SECOND, NAS, cloud, sent=150_000_000, got=20_000)

    # What people do.

    def _desk(self, begin: int, desk: Host) -> Iterator[Iterator[Frame]]:
        start, end = begin + 5.4 * HOUR + self.draw.random() * 0.5 * HOUR, begin + 13.5 * HOUR
        yield from self._signed_in(start, desk)
        yield self.leased(int((start + 4 * HOUR) * SECOND), desk, f"STACJA-{desk.ip[-2:]}", renewed=True)
        for _ in range(self.draw.randint(60, 90)):
            yield self._visited(self.when(start, end - start), desk)
        for _ in range(8):
            yield self._shared(self.when(start, end - start), desk)
        yield from self._programs(start, end, desk)
        if self.draw.random() < 0.3:
            yield from self._call(self.when(start, end - start), desk)
        if self.draw.random() < 0.1:
            yield self.page(self.when(start, end - start), desk, "moj-dysk.sharepoint.com", sent=40_000_000)
        if desk is ADMIN:
            yield from self._administered(start, end)

    def _signed_in(self, start: float, desk: Host) -> Iterator[Iterator[Frame]]:
        at = int(start * SECOND)
        yield self.leased(at, desk, f"STACJA-{desk.ip[-2:]}")
        for place, host in enumerate((WALL, DC, DC2, FILES)):
            yield arp(at + (1 + place) * SECOND, desk, host)
        for place in range(3):  # what Chrome asks to learn whether names are made up
            yield self.asked(
                at + 60 * SECOND + place, desk, "".join(self.draw.choices(string.ascii_lowercase, k=11)), ""
            )
        yield self.asked(at + 2 * SECOND, desk, "_ldap._tcp.dc._msdcs.gmina.local", "", "SRV")
        yield self.udp(at + 3 * SECOND, desk, DC, 389, said.turns("ldap/ping"))
        yield self.udp(at + 4 * SECOND, desk, DC, 88, said.turns("kerberos/sign_in")[:4])
        for number, service in enumerate(
            (b"FILE/srv1.gmina.local:0445", b"LDAP/srv1.gmina.local:0389", b"HTTP/ezd1.gmina.local:0443")
        ):
            yield self.tcp(at + (5 + number) * SECOND, desk, DC, 88, said.ticket(service))
        yield self.tcp(at + 9 * SECOND, desk, DC, 389, said.turns("ldap/ticket"))
        yield self.tcp(at + 10 * SECOND, desk, DC, 49_668, said.turns("dce_rpc/zerologon")[:4])
        yield self.tcp(at + 12 * SECOND, desk, DC, 445, said.turns("smb/encrypted"))
        yield self.udp(
            at + 14 * SECOND,
            desk,
            Host("224.0.0.252", bytes.fromhex("01005e0000fc")),
            5355,
            said.turns("dns/llmnr")[:1],
        )
        yield self.udp(
            at + 15 * SECOND, desk, Host("10.20.1.255", b"\xff" * 6), 137, said.turns("dns/netbios")[:1], own=137
        )
        yield self.udp(
            at + 16 * SECOND,
            desk,
            Host("239.255.255.250", bytes.fromhex("01005e7ffffa")),
            1900,
            said.turns("ssdp/search"),
        )

    def _visited(self, at: int, desk: Host) -> Iterator[Frame]:
        name = self.draw.choice(SITES)
        yield from self.page(
            at, desk, name, sent=self.draw.randrange(600, 9000), got=self.draw.randrange(9000, 400_000)
        )
        yield from self.page(at + 300_000_000, desk, self.draw.choice(PARTS))
        chance = self.draw.random()
        if chance < 0.03:
            yield from self.asked(at, desk, name.replace("www.", "wwww."), "")
        elif chance < 0.08:
            yield from self.udp(at, desk, place_of("www.youtube.com"), 443, said.turns("quic/v1"))
        elif chance < 0.1:
            yield from self.asked(
                at, desk, f"{self.draw.randbytes(20).hex()}.{self.draw.randbytes(8).hex()}.e5.sk", "127.0.0.4"
            )

    def _shared(self, at: int, desk: Host) -> Iterator[Frame]:
        """Documents are opened and saved on the share, printed, and kept in the office's system."""
        yield from self.tcp(at, desk, FILES, 445, said.turns("smb/encrypted"))
        if self.draw.random() < 0.2:
            wild, tame = ("plan.docx.locked".encode("utf-16-le"), "plan.docx.backup".encode("utf-16-le"))
            yield from self.tcp(
                at + SECOND,
                desk,
                FILES,
                445,
                [(side, data.replace(wild, tame)) for side, data in said.turns("smb/rename")],
            )
        yield from self.tcp(at + 60 * SECOND, desk, EZD, 443, said.hello("ezd.gmina.local"), sent=5000, got=90_000)
        if self.draw.random() < 0.5:
            yield from self.tcp(at + 90 * SECOND, desk, PRINTS, 445, said.turns("smb/encrypted"))
            yield from self.tcp(
                at + 92 * SECOND, PRINTS, self.draw.choice(PRINTERS), 9100, said.turns("printer/job"), sent=300_000
            )
        if self.draw.random() < 0.15:  # what was scanned comes by the printer itself
            yield from self.tcp(at + 95 * SECOND, self.draw.choice(PRINTERS), FILES, 445, said.turns("smb/encrypted"))

    def _programs(self, start: float, end: float, desk: Host) -> Iterator[Iterator[Frame]]:
        """What programs do by the clock."""
        for quarter in range(int((end - start) // 900)):
            now = int((start + 900 * quarter + self.draw.random() * 20) * SECOND)
            yield self.page(now, desk, SERVICES[quarter % 4])
            yield self.page(now + SECOND, desk, "komunikaty.dostawca-programu.pl", sent=700, got=500)
            yield self.tcp(now + 2 * SECOND, desk, place_of("imap.poczta.pl"), 993, said.hello("imap.poczta.pl"))
            yield arp(now + 3 * SECOND, desk, WALL)
        for _ in range(3):
            head = b"GET /d/upd/2026/11/pakiet.exe HTTP/1.1\r\nHost: download.windowsupdate.com\r\n\r\n"
            came = (
                b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\nContent-Type: application/octet-stream\r\n\r\nMZ"
                + bytes(898)
            )
            yield self.tcp(
                self.when(start, end - start),
                desk,
                place_of("download.windowsupdate.com"),
                80,
                [(Side.ORIG, head), (Side.RESP, came)],
            )
            yield self.tcp(self.when(start, end - start), desk, UPDATES, 8530, [(Side.ORIG, head), (Side.RESP, came)])
        near = self.draw.sample(self.desks, min(9, len(self.desks)))
        now = self.when(start, HOUR)
        for place, other in enumerate(near):  # updates from one's neighbours
            ends, ports = (desk, other), (self.own(), 7680)
            yield refused(now + place * SECOND, ends, ports) if place % 3 else silent(now + place * SECOND, ends, ports)

    def _call(self, at: int, desk: Host) -> Iterator[Iterator[Frame]]:
        """A meeting with pictures."""
        teams = Host(f"52.112.{self.draw.randrange(250)}.7", WALL.card)
        yield self.page(at, desk, "teams.microsoft.com")
        yield self.udp(
            at + SECOND,
            desk,
            teams,
            3479,
            [
                (side, data)
                for side in (Side.ORIG, Side.RESP)
                for data in [
                    bytes([0x80, 0x60]) + struct.pack(">HII", number, 160 * number, 7) + bytes(150)
                    for number in range(120)
                ]
            ],
        )

    def _administered(self, start: float, end: float) -> Iterator[Iterator[Frame]]:
        for _ in range(15):
            at, server = self.when(start, end - start), self.draw.choice(SERVERS)
            yield self.tcp(
                at,
                ADMIN,
                server,
                3389,
                (*said.turns("rdp/nla")[:2], *said.turns("tls/tls12")),
                got=500_000,
                seconds=self.draw.randrange(60, 3000),
            )
        for _ in range(6):
            yield self.tcp(
                self.when(start, end - start),
                ADMIN,
                self.draw.choice((LINUX, SWITCH, PAGE)),
                22,
                said.turns("ssh/success"),
            )
        for _ in range(10):
            yield self.tcp(
                self.when(start, end - start),
                ADMIN,
                self.draw.choice(SERVERS),
                5985,
                [
                    (Side.ORIG, b"POST /wsman HTTP/1.1\r\nHost: s\r\nContent-Length: 0\r\n\r\n"),
                    (Side.RESP, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                ],
            )

    def _phone(self, begin: int, phone: Host, *, working: bool) -> Iterator[Iterator[Frame]]:
        number = 100 + int(phone.ip[-2:])
        yield self.leased(self.when(begin, HOUR), phone, f"phone-{number}", renewed=True)
        for turn in range(0, DAY, 1800):
            yield self.udp(
                self.when(begin + turn, 60),
                phone,
                EXCHANGE,
                5060,
                said.registered(number, self.draw.getrandbits(32)),
                own=5060,
            )
        for _ in range(12 if working else 0):
            at, called = (
                self.when(begin + 6 * HOUR, 7 * HOUR),
                f"48{self.draw.randrange(12, 69)}{self.draw.randrange(10**6, 10**7)}",
            )
            yield self.udp(
                at, phone, EXCHANGE, 5060, said.called(phone.ip, called, self.draw.getrandbits(32)), own=5060
            )
            yield self.udp(at + 4 * SECOND, phone, EXCHANGE, 16_386, said.turns("rtp/voice"), own=16_384)
            yield self.udp(
                at + SECOND,
                EXCHANGE,
                place_of("sip.operator.pl"),
                5060,
                said.called(EXCHANGE.ip, called, self.draw.getrandbits(32)),
                own=5060,
            )
