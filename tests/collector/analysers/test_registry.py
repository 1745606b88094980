"""All analysers together: what they know at most fits the bookmark, and an office's month is quiet."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.home import CHECKOUT
from collector.analysers.analysis import Analysis
from collector.analysers.bindings import Bindings
from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND
from collector.analysers.devices import Devices
from collector.analysers.model import Analyser
from collector.analysers.registry import analysers
from collector.analysers.servers import Servers
from collector.analysers.services import Services
from collector.analysers.starvation import Starvation
from collector.analysers.usual import Usual
from collector.heads.head import Entry
from collector.memory import MOST, packed, unpacked
from collector.protocols.model import Flow, Value
from rules import ROOT
from tests.collector.analysers.seen import arp, entry


def of_devices() -> tuple[Analyser, ...]:
    """The analysers of devices and addresses, as the sensor has them."""
    mine = (Bindings, Devices, Servers, Services, Starvation, Usual)
    return tuple(one for one in analysers() if isinstance(one, mine))


def test_every_analyser_has_its_test_its_line_and_rules_for_its_notes() -> None:
    text = (CHECKOUT / "docs" / "sensor.md").read_text("utf-8")
    rules = "".join(file.read_text("utf-8") for file in (ROOT / "sigma/network/zeek").glob("zeek_notice_*.yml"))
    for one in analysers():
        assert Path(__file__).with_name(f"test_{one.name}.py").exists()
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{one.name}` | `")]
        notes = re.findall("`([A-Z][A-Za-z0-9]*::[A-Za-z_0-9]+)`", line)
        assert notes
        assert [note for note in notes if f"'{note}'" not in rules] == []


def test_every_analyser_is_there_once() -> None:
    names = [one.name for one in analysers()]
    assert len(names) == len(set(names))
    assert {one.name for one in of_devices()} == {"bindings", "devices", "servers", "services", "starvation", "usual"}


def conn(at: int, source: str, target: str, port: int, **said: Value) -> Entry:
    """The log of an ordinary connection; with a card of whoever answers inside."""
    inside = target.startswith("10.")
    fields: dict[str, Value] = {"local_orig": True, "local_resp": inside, "conn_state": "SF", "history": "ShADadFf"}
    transport = "udp" if said.pop("proto", "tcp") == "udp" else "tcp"
    return entry(
        "conn", at, Flow(source, 50_000, target, port, transport), **{**fields, "resp_l2_addr": ROUTER, **said}
    )


ROUTER = "00:0c:42:00:00:01"


def _crowd() -> Iterator[Entry]:
    """More of everything than anybody remembers, with addresses that nothing can pack."""
    draw = random.Random(7)
    hosts = [
        (f"10.{draw.randrange(256)}.{n >> 8}.{n & 255}", f"00:80:77:{draw.randbytes(3).hex(':')}") for n in range(3000)
    ]
    for ip, card in hosts:
        yield arp(0, ip, card)
        for kind in ("REQUEST", "ACK"):
            said = {"host_name": draw.randbytes(8).hex(), "assigned_addr": ip}
            yield entry("dhcp", 0, msg_types=[kind], mac=card, **said)
    for ip, card in hosts[-1200:]:
        for port in draw.sample(range(1, 32_000), 34):
            yield conn(0, "10.0.0.1", ip, port, resp_l2_addr=card)
    for ip, _ in hosts[-300:]:
        for port in draw.sample(range(1000, 32_000), 17):
            for _ in range(5):
                yield conn(0, ip, draw.choice(hosts)[0], port)


def test_all_that_can_be_known_fits_the_bookmark(caplog: pytest.LogCaptureFixture) -> None:
    analysis = Analysis(of_devices())
    for one in _crowd():
        list(analysis.see(one))
    value = packed(analysis.memory())
    assert len(value) < MOST * 2 // 3
    assert sorted(unpacked(value)) == ["bindings", "devices", "servers", "services", "starvation", "usual"]
    assert caplog.records == []
    again = Analysis(of_devices())
    again.recall(unpacked(value))
    assert packed(again.memory()) == value


def _card(number: int, maker: str = "00:1b:78") -> str:
    return f"{maker}:00:{number >> 8:02x}:{number & 255:02x}"


def _start(at: int, number: int) -> Iterator[Entry]:
    """A station is switched on."""
    ip, card = f"10.0.0.{number}", _card(number)
    windows = {"client_software": "MSFT 5.0", "param_list": "1,3,6,15,31,33,43,44,46,47,119,121,249,252"}
    name = f"PC-{number:03d}" if number != 30 or at < 20 * DAY else "PC-030-NEW"
    yield entry("dhcp", at, msg_types=["REQUEST"], mac=card, host_name=name, **windows)
    given: dict[str, Value] = {"routers": ["10.0.0.1"], "dns_servers": ["10.0.0.2"], "assigned_addr": ip}
    yield entry("dhcp", at + 1, msg_types=["ACK"], mac=card, server_addr="10.0.0.2", **given)
    yield arp(at + 2, ip, card, "request", gratuitous=True)


def _works(at: int, number: int, draw: random.Random) -> Iterator[Entry]:
    """An hour of a station: files, mail, the web, a print, names and time, talks with a video service."""
    ip = f"10.0.0.{number}"
    yield arp(at, ip, _card(number), "request")
    for target, port in (("10.0.0.2", 445), ("10.0.0.3", 443), (f"203.0.113.{draw.randrange(250)}", 443)):
        yield conn(at + 1, ip, target, port)
    yield conn(at + 2, ip, "10.0.0.200", 9100, resp_l2_addr=_card(200, "00:80:77"))
    yield conn(at + 3, ip, f"198.51.100.{draw.randrange(250)}", draw.randrange(30_000, 60_000), proto="udp")
    if draw.random() < 0.05:
        yield conn(at + 4, f"10.0.0.{draw.randrange(10, 60)}", ip, 445, resp_l2_addr=_card(number))


def _month(draw: random.Random) -> Iterator[Entry]:
    """An office of fifty desks: 30 days from Monday on, with guests, a printer bought and a station set up anew."""
    for day in range(30):
        for hour in range(24):
            at = day * DAY + hour * HOUR
            yield arp(at, "10.0.0.1", ROUTER)
            yield arp(at + 1, "10.0.0.2", _card(2, "00:15:5d"))
            yield arp(at + 2, "10.0.0.254", "00:00:5e:00:01:0a")
            yield conn(at + 3, "10.0.0.200", "10.0.0.2", 445)
            yield conn(at + 4, "10.0.0.210", "10.0.0.2", 554 + 8000)
            yield arp(at + 5, "10.0.0.200", _card(200, "00:80:77"))
            yield arp(at + 6, "10.0.0.210", _card(210, "00:40:8c"))
            if day >= 15:
                yield arp(at + 7, "10.0.0.201", _card(201, "00:80:77"))
            if day % 7 < 5 and 7 <= hour < 16:
                for number in range(10, 60):
                    if hour == 7:
                        yield from _start(at + number * SECOND, number)
                    yield from _works(at + number * MINUTE // 2 + MINUTE, number, draw)
            if day % 7 == 2 and hour == 10:
                for guest in range(20):
                    card = f"da:a1:19:{day:02x}:00:{guest:02x}"
                    phone = {"client_software": "android-dhcp-14", "param_list": "1,3,6,15,26,28,51,58,59,43"}
                    yield entry("dhcp", at + guest * MINUTE, msg_types=["REQUEST"], mac=card, **phone)


def test_a_month_of_an_office_is_quiet() -> None:
    analysis = Analysis(of_devices())
    found: list[Entry] = []
    for one in _month(random.Random(3)):
        found += analysis.see(one)
        found += analysis.tick(one.log.at)
    assert analysis.faults == 0
    told = [one.log.fields for one in found]
    loud = [(one["note"], one.get("name", one.get("src"))) for one in told if one.get("kind") != "mobile"]
    assert loud == [("Device::New", "10.0.0.201"), ("Device::Name_Changed", "pc-030-new")]
    assert sum(one.get("kind") == "mobile" for one in told) == 20 * 3
