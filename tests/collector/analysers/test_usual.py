"""Devices of one purpose that do something else; scanning to a new station and calls to new phones do not count."""

from __future__ import annotations

import json

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from collector.analysers.bounded import DAY, HOUR, MINUTE
from collector.analysers.devices import Device
from collector.analysers.usual import MOST, MOST_A_DAY, MOST_PARTNERS, MOST_SERVICES, Usual
from collector.heads.head import Entry
from collector.protocols.model import Flow
from tests.collector.analysers.seen import entry, notices, watched

PRINTER, STATION, SERVER = "10.0.0.80", "10.0.0.7", "10.0.0.2"
CARD = "00:80:77:00:00:80"
LATER = 10 * DAY


_KINDS = {PRINTER: "printer", STATION: "station", "10.0.0.90": "camera", "10.0.0.60": "phone"}


def device(ip: str) -> Device | None:
    """What stands behind an address: four devices, and a hall of printers under 10.9."""
    card = CARD if ip == PRINTER else "00:80:77" + "".join(f":{int(part):02x}" for part in ip.split(".")[1:])
    kind = "printer" if ip.startswith("10.9.") else _KINDS.get(ip)
    return Device(card, 0, clues={"card": kind}) if kind else None


def asks(at: int, target: str, port: int, source: str = PRINTER, **said: str | int) -> Entry:
    proto, sport = str(said.get("proto", "tcp")), int(said.get("sport", 50_000))
    inside = target.startswith("10.")
    history = str(said.get("history", "ShADadFf"))
    flow = Flow(source, sport, target, port, proto)
    return entry("conn", at, flow, local_orig=True, local_resp=inside, history=history, conn_state="SF")


def learned(*known: Entry) -> Usual:
    """An analyser that has watched an office for nine days."""
    made = Usual(device)
    clock = [asks(n * HOUR, SERVER, 443, STATION) for n in range(9 * 24)]
    assert notices(made, [*known, *clock]) == []
    return made


def test_a_printer_that_goes_for_another_computer_is_noticed_in_packets() -> None:
    made = learned(asks(0, SERVER, 25))
    memory = made.memory()
    assert isinstance(memory, dict)
    made.recall({**memory, "usual": [[mac, since - LATER, services] for mac, since, services in memory["usual"]]})
    to = Ether(src=CARD, dst="00:1b:78:00:00:07") / IP(src=PRINTER, dst=STATION)
    back = Ether(src="00:1b:78:00:00:07", dst=CARD) / IP(src=STATION, dst=PRINTER)
    packets = [to / TCP(sport=50000, dport=445, flags="S"), back / TCP(sport=445, dport=50000, flags="RA", ack=1)]
    (found,) = watched([made], packets)
    assert found == {
        "note": "Device::Outside_Usual",
        "src": PRINTER,
        "src_mac": CARD,
        "dst": STATION,
        "p": 445,
        "proto": "tcp",
        "kind": "printer",
        "vendor": "Brother",
        "unusual": "service",
        "purpose": "file sharing",
    }


def test_a_new_partner_the_way_out_and_a_new_service_are_told_as_what_they_are() -> None:
    made = learned(asks(0, SERVER, 445))
    later = [asks(LATER, STATION, 445), asks(LATER + 1, "203.0.113.7", 445), asks(LATER + 2, SERVER, 22)]
    found = notices(made, [*later, *later])
    assert [(one["unusual"], one.get("outside")) for one in found] == [
        ("partner", None),
        ("outside", True),
        ("service", None),
    ]


@pytest.mark.parametrize(
    ("known", "later"),
    [
        ([asks(0, SERVER, 445)], [asks(LATER, SERVER, 445)]),
        ([asks(0, "203.0.113.7", 443)], [asks(LATER, "198.51.100.9", 443)]),
        ([asks(n, f"10.0.0.{n}", 445) for n in (2, 3, 4)], [asks(LATER, "10.0.0.50", 445)]),
        ([asks(0, SERVER, 445)], [asks(LATER, SERVER, port, proto="udp") for port in (53, 123, 161, 514)]),
        ([asks(0, SERVER, 445)], [asks(LATER, target, 9999, proto="udp") for target in ("239.1.2.3", "10.0.0.255")]),
        ([asks(0, SERVER, 445)], [asks(LATER, STATION, 50_001, proto="udp", sport=161)]),
        ([asks(0, SERVER, 445)], [asks(LATER, STATION, 50_001, sport=9100, history="Da")]),
        ([asks(0, SERVER, 445)], [asks(LATER, "203.0.113.7", 22, STATION)]),
        (
            [asks(n, f"10.0.0.{n}", 12_000 + n, "10.0.0.60", proto="udp") for n in (61, 62, 63)],
            [asks(LATER, "10.0.0.64", 40_000, "10.0.0.60", proto="udp")],
        ),
        ([], [asks(LATER, SERVER, 445), asks(LATER + DAY, STATION, 22)]),
    ],
    ids=[
        "known",
        "maker's cloud",
        "scans to stations",
        "what all do",
        "announcements",
        "answer",
        "middle of a connection",
        "a station",
        "a call",
        "new device",
    ],
)
def test_what_devices_do_anyway_is_not_noticed(known: list[Entry], later: list[Entry]) -> None:
    assert notices(learned(*known), later) == []


def test_a_camera_that_searches_the_network_says_so_with_its_first_steps() -> None:
    made = learned(asks(0, SERVER, 554, "10.0.0.90"))
    sweep = [asks(LATER + n, f"10.0.1.{n}", 23, "10.0.0.90") for n in range(200)]
    ports = [asks(LATER + HOUR + n, SERVER, 1000 + n, "10.0.0.90") for n in range(200)]
    found = notices(made, [*sweep, *ports])
    assert [one["unusual"] for one in found] == ["service", "partner", "partner", "service", "service"]
    assert len(found) == MOST_A_DAY


def test_while_the_sensor_learns_nothing_is_noticed() -> None:
    assert notices(Usual(device), [asks(n * HOUR, SERVER, 20 + n % 24) for n in range(6 * 24)]) == []


def test_what_is_usual_outlives_a_restart_and_is_bounded() -> None:
    before, after = learned(asks(0, SERVER, 445), asks(1, "203.0.113.7", 443)), Usual(device)
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    (found,) = notices(after, [asks(LATER, SERVER, 445), asks(LATER, STATION, 445)])
    assert found["unusual"] == "partner"
    many = [asks(LATER + n, f"10.1.0.{n & 255}", 1 + n % 50) for n in range(2500)]
    others = [asks(LATER + MINUTE, SERVER, 25, f"10.9.{n >> 8}.{n & 255}") for n in range(2 * MOST)]
    notices(after, [*many, asks(LATER, "203.0.113.9", 1), *many])
    busy = after.memory()
    assert isinstance(busy, dict)
    ((_, _, services),) = busy["usual"]
    assert len(services) == MOST_SERVICES
    assert {len(partners) for partners in services.values()} <= set(range(1, MOST_PARTNERS + 1))
    assert "outside" in services["tcp/1"]
    notices(after, others)
    full = after.memory()
    assert isinstance(full, dict)
    assert len(full["usual"]) == MOST
