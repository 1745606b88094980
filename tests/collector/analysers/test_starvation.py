"""Addresses that are asked for until none are left; a power failure and a hall of guests are no attack."""

from __future__ import annotations

import json

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND
from collector.analysers.starvation import MANY, MANY_UNLEARNED, MOST, MOST_NEW, WINDOW, Starvation
from collector.heads.head import Entry
from tests.collector.analysers.seen import entry, notes, notices, watched


def card(number: int, start: str = "00:1b:78") -> str:
    return f"{start}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def asks(at: int, mac: str, kind: str = "DISCOVER") -> Entry:
    return entry("dhcp", at, msg_types=[kind], mac=mac)


def learned(cards: int = 60) -> Starvation:
    """An analyser that has watched an office of so many cards for two days."""
    made = Starvation()
    days = [asks(n * 2 * DAY // 400, card(n % cards)) for n in range(400)]
    assert notices(made, days) == []
    return made


def test_a_flood_of_new_cards_is_noticed_in_packets() -> None:
    made = learned()
    packets = [
        Ether(src=card(n, "02:66:00"), dst="ff:ff:ff:ff:ff:ff")
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / BOOTP(chaddr=bytes.fromhex(card(n, "02:66:00").replace(":", "")), xid=n)
        / DHCP(options=[("message-type", "discover"), "end"])
        for n in range(2 * MANY)
    ]
    (found,) = watched([made], packets, 1)
    assert found == {"note": "DHCP::Starvation", "src_mac": card(MANY - 1, "02:66:00"), "n": MANY, "random": MANY}


def test_an_office_that_gets_its_power_back_is_no_attack() -> None:
    made = learned(150)
    again = [
        asks(3 * DAY + n * SECOND // 4, card(n % 150), kind) for kind in ("DISCOVER", "REQUEST") for n in range(150)
    ]
    assert notices(made, again) == []


def test_a_new_sensor_sees_a_whole_network_start_and_keeps_still() -> None:
    boot = [asks(n * SECOND, card(n)) for n in range(MANY_UNLEARNED - 1)]
    assert notices(Starvation(), boot) == []
    assert notes(Starvation(), [*boot, asks(MANY_UNLEARNED * SECOND, card(999))]) == ["DHCP::Starvation"]


def test_a_hall_of_guests_is_no_attack() -> None:
    made = learned()
    guests = [asks(3 * DAY + n * 6 * SECOND, card(n, "da:a1:19")) for n in range(MANY * 3)]
    assert notices(made, guests) == []


def test_one_storm_is_noticed_once_an_hour_and_its_cards_are_not_learned() -> None:
    made = learned()
    flood = [asks(3 * DAY + n * SECOND, card(n, "02:66:00")) for n in range(2 * 3600)]
    assert notes(made, flood) == ["DHCP::Starvation"] * 2
    assert notices(made, [asks(4 * DAY, card(1))]) == []
    memory = made.memory()
    assert isinstance(memory, dict)
    assert all(mac.startswith("00:1b:78") for mac in memory["known"])


def test_cards_that_ask_in_peace_become_known_and_are_remembered() -> None:
    before, after = learned(), Starvation()
    assert notices(before, [asks(3 * DAY + n * MINUTE, card(n, "da:a1:19")) for n in range(90)]) == []
    assert notices(before, [asks(3 * DAY + 2 * HOUR, card(1))]) == []
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    again = [asks(4 * DAY + n, card(n, "da:a1:19")) for n in range(90)]
    fresh = [asks(4 * DAY + 100 + n, card(n, "02:77:00")) for n in range(90)]
    assert notices(after, [*again, *fresh]) == []


def test_memory_is_bounded() -> None:
    made = Starvation()
    notices(made, (asks(n * WINDOW // 200, card(n)) for n in range(3 * MOST)))
    memory = made.memory()
    assert isinstance(memory, dict)
    assert len(memory["known"]) == MOST
    flooded = Starvation()
    notices(flooded, (asks(n, card(n)) for n in range(3 * MOST_NEW)))
    assert flooded.memory() == {"watched": 3 * MOST_NEW - 1, "known": []}
