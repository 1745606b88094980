"""A port on which a computer never answered; what Windows opens by itself and decoys do not count."""

from __future__ import annotations

import json

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from collector.analysers.bounded import DAY, HOUR
from collector.analysers.devices import Device
from collector.analysers.ports import PURPOSES, purpose
from collector.analysers.services import MOST, MOST_A_DAY, MOST_PORTS, Services
from collector.heads.head import Entry
from collector.protocols.model import Flow
from tests.collector.analysers.seen import entry, notices, watched

STATION, CLIENT = "10.0.0.7", "10.0.0.8"
LATER = 10 * DAY


def device(ip: str) -> Device | None:
    return Device("00:1b:78:00:00:07", 0, names=["pc-017"], clues={"name": "station"}) if ip == STATION else None


def served(at: int, port: int, host: str = STATION, state: str = "SF", **fields: str | bool) -> Entry:
    flow = Flow(CLIENT, 50_000, host, port, "tcp")
    said = {"resp_l2_addr": "00:1b:78:00:00:07", "local_resp": True, **fields}
    return entry("conn", at, flow, conn_state=state, **said)


def learned(*known: Entry) -> Services:
    """An analyser that has watched an office for nine days."""
    made = Services(device)
    assert notices(made, [*known, *[served(n * HOUR, 443, "10.0.0.2") for n in range(9 * 24)]]) == []
    return made


def test_a_station_that_can_suddenly_be_controlled_is_noticed_in_packets() -> None:
    made = learned(served(0, 8080))
    to = Ether(src="00:1b:78:00:00:08", dst="00:1b:78:00:00:07") / IP(src=CLIENT, dst=STATION)
    back = Ether(src="00:1b:78:00:00:07", dst="00:1b:78:00:00:08") / IP(src=STATION, dst=CLIENT)
    packets = [
        to / TCP(sport=50000, dport=3389, flags="S", seq=1),
        back / TCP(sport=3389, dport=50000, flags="SA", seq=1, ack=2),
        to / TCP(sport=50000, dport=3389, flags="A", seq=2, ack=2),
        to / TCP(sport=50000, dport=3389, flags="R", seq=2, ack=2),
    ]
    # Packets begin at START: a computer that was seen a week before them.
    memory = made.memory()
    assert isinstance(memory, dict)
    made.recall({**memory, "hosts": [[host, since - LATER, ports] for host, since, ports in memory["hosts"]]})
    (found,) = watched([made], packets)
    assert found == {
        "note": "Service::Appeared",
        "src": CLIENT,
        "dst": STATION,
        "p": 3389,
        "purpose": "remote control",
        "known_ports": [8080],
        "kind": "station",
        "name": "pc-017",
    }


@pytest.mark.parametrize(
    "later",
    [
        [served(LATER, 8080)],
        [served(LATER, port) for port in (135, 139, 445, 5357, 7680)],
        [served(LATER, port) for port in (49_152, 51_000, 65_000)],
        [served(LATER, 3389, state=state) for state in ("S0", "REJ", "SH", "OTH")],
        [served(LATER, 443, "203.0.113.7", local_resp=False)],
        [served(LATER, 3389, "10.0.0.50")],
        [served(LATER, 3389, resp_l2_addr="00:1b:78:00:00:99")],
    ],
    ids=["known", "Windows", "chosen at random", "refused", "outside", "new computer", "address given anew"],
)
def test_what_an_office_does_anyway_is_not_noticed(later: list[Entry]) -> None:
    assert notices(learned(served(0, 8080)), later) == []


def test_a_service_is_told_once_and_a_computer_three_times_a_day() -> None:
    made = learned(served(0, 8080))
    scan = [served(LATER + port, port) for port in range(1, 30)]
    found = notices(made, [*scan, *[served(LATER + n * HOUR, 22) for n in range(48)]])
    assert [one["p"] for one in found] == [1, 2, 3]
    assert len(found) == MOST_A_DAY


def test_who_answers_on_everything_has_no_services() -> None:
    made = learned(*[served(n, n + 1000) for n in range(MOST_PORTS)])
    assert notices(made, [served(LATER + n, 22 + n) for n in range(100)]) == []


def test_while_the_sensor_learns_nothing_is_noticed() -> None:
    assert notices(Services(device), [served(n * HOUR, n + 20) for n in range(6 * 24)]) == []


def test_services_outlive_a_restart_and_are_bounded() -> None:
    before, after = learned(served(0, 8080)), Services(device)
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    assert [one["p"] for one in notices(after, [served(LATER, 8080), served(LATER, 22)])] == [22]
    notices(after, [served(LATER, 443, f"10.1.{n >> 8}.{n & 255}") for n in range(2 * MOST)])
    memory = after.memory()
    assert isinstance(memory, dict)
    assert len(memory["hosts"]) == MOST


def test_ports_have_one_purpose_each() -> None:
    assert [purpose(port) for port in (22, 443, 5432, 4444, 4000)] == [
        "remote control",
        "web",
        "database",
        "backdoor",
        "other",
    ]
    assert {purpose(port) for port in range(65_536)} == PURPOSES
