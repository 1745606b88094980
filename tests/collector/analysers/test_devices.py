"""New devices with their maker and kind, and computers that change their name."""

from __future__ import annotations

import json

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSRR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.netbios import NBNSHeader, NBNSRegistrationRequest

from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND
from collector.analysers.devices import MOST, MOST_A_DAY, Devices
from collector.heads.head import Entry
from tests.collector.analysers.seen import arp, entry, notices, watched

ROUTER = "00:0c:42:00:00:01"
WINDOWS = {"client_software": "MSFT 5.0", "param_list": "1,3,6,15,31,33,43,44,46,47,119,121,249,252"}
LATER = 10 * DAY


def asks(at: int, mac: str, name: str = "", **fields: str) -> Entry:
    said = {**fields, **({"host_name": name} if name else {})}
    return entry("dhcp", at, msg_types=["REQUEST"], mac=mac, **said)


def learned(*known: Entry) -> Devices:
    """An analyser that has watched an office for eight days."""
    made = Devices()
    assert notices(made, known) == []
    assert notices(made, [arp(n * HOUR // 2, "10.0.0.1", ROUTER) for n in range(1, 8 * 48)]) == []
    return made


def test_a_printer_that_is_plugged_in_is_told_with_what_it_is_in_packets() -> None:
    card = "00:1b:78:0a:0b:0c"
    everyone = {"src": card, "dst": "ff:ff:ff:ff:ff:ff"}
    said = [("message-type", "request"), ("hostname", "NPI0A0B0C"), ("vendor_class_id", "Hewlett-Packard JetDirect")]
    to = Ether(src=ROUTER, dst=card) / IP(src="10.0.0.7", dst="10.0.0.80")
    back = Ether(src=card, dst=ROUTER) / IP(src="10.0.0.80", dst="10.0.0.7")
    packets = [
        Ether(**everyone)
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / BOOTP(chaddr=bytes.fromhex(card.replace(":", "")))
        / DHCP(options=[*said, "end"]),
        Ether(**everyone) / ARP(op=1, hwsrc=card, psrc="10.0.0.80", pdst="10.0.0.80"),
        back
        / UDP(sport=5353, dport=5353)
        / DNS(qr=1, qd=[], an=DNSRR(rrname="_ipp._tcp.local", type="PTR", rdata="x")),
        to / TCP(sport=50000, dport=9100, flags="S", seq=1),
        back / TCP(sport=9100, dport=50000, flags="SA", seq=1, ack=2),
        to / TCP(sport=50000, dport=9100, flags="R", seq=2),
        *[Ether(**everyone) / ARP(op=1, hwsrc=card, psrc="10.0.0.80", pdst="10.0.0.1")] * 60,
    ]
    (found,) = watched([learned()], packets, 2)
    assert found == {
        "note": "Device::New",
        "src": "10.0.0.80",
        "src_mac": card,
        "vendor": "HP",
        "name": "npi0a0b0c",
        "kind": "printer",
    }


def test_a_device_is_told_once_after_it_had_time_to_say_what_it_is() -> None:
    made = learned()
    first = [asks(LATER, "00:04:13:00:00:07", client_software="snom-D735"), arp(LATER + SECOND, "10.0.0.70", ROUTER)]
    assert notices(made, first) == []
    (found,) = notices(made, [arp(LATER + 3 * MINUTE, "10.0.0.71", "00:04:13:00:00:07")])
    assert (found["kind"], found["vendor"], found["src"]) == ("phone", "Snom", "10.0.0.71")
    assert notices(made, [arp(LATER + n * HOUR, "10.0.0.71", "00:04:13:00:00:07") for n in range(1, 500)]) == []


def test_names_that_neighbours_tell_each_other_are_taken_from_packets() -> None:
    everyone = {"src": STATION, "dst": "ff:ff:ff:ff:ff:ff"}
    hello = Ether(**everyone) / ARP(op=1, hwsrc=STATION, psrc="10.0.0.7", pdst="10.0.0.7")
    netbios = (
        Ether(**everyone)
        / IP(src="10.0.0.7", dst="10.0.0.255")
        / UDP(sport=137, dport=137)
        / NBNSHeader(OPCODE=5, NM_FLAGS=0x11, QDCOUNT=1, ARCOUNT=1)
        / NBNSRegistrationRequest(QUESTION_NAME="SRV-PLIKI")
    )
    (found,) = watched([learned()], [hello, netbios, *[hello] * 70], 2)
    assert (found["name"], found["kind"]) == ("srv-pliki", "server")
    answer = DNSRR(rrname="kamera-3.local", type="A", rdata="10.0.0.7")
    multicast = (
        Ether(**everyone)
        / IP(src="10.0.0.7", dst="224.0.0.251")
        / UDP(sport=5353, dport=5353)
        / DNS(qr=1, qd=[], an=answer)
    )
    (found,) = watched([learned()], [hello, multicast, *[hello] * 70], 2)
    assert (found["name"], found["kind"]) == ("kamera-3", "camera")


@pytest.mark.parametrize(("method", "kind"), [("NOTIFY", "camera"), ("M-SEARCH", None)])
def test_a_device_that_announces_its_type_is_that_and_a_search_says_nothing(method: str, kind: str | None) -> None:
    card = "02:00:00:aa:00:01"
    everyone = {"src": card, "dst": "ff:ff:ff:ff:ff:ff"}
    data = f"{method} * HTTP/1.1\r\nNT: urn:schemas-upnp-org:device:DigitalSecurityCamera:1\r\n\r\n"
    said = IP(src="10.0.0.81", dst="239.255.255.250") / UDP(sport=5000, dport=1900) / data.encode()
    hello = Ether(**everyone) / ARP(op=1, hwsrc=card, psrc="10.0.0.81", pdst="10.0.0.1")
    (found,) = watched([learned()], [hello, Ether(**everyone) / said, *[hello] * 70], 2)
    assert found.get("kind") == kind


def test_a_telephone_that_announces_itself_is_one_and_ports_of_switches_are_no_devices() -> None:
    analyser, card, port = learned(), "02:00:00:aa:00:02", "02:00:00:aa:00:03"
    said = [
        arp(LATER, "10.0.0.82", card),
        entry("cdp", LATER + SECOND, src_mac=card, capabilities=["host", "telephone"]),
    ]
    said += [
        entry("lldp", LATER + SECOND, src_mac=port, capabilities=["switch"]),
        arp(LATER + HOUR, "10.0.0.1", ROUTER),
    ]
    (found,) = notices(analyser, said)
    assert (found["src_mac"], found["kind"]) == (card, "phone")


def test_a_telephone_with_a_made_up_card_is_told_as_such() -> None:
    phone = asks(LATER, "da:a1:19:00:00:07", client_software="android-dhcp-14", param_list="1,3,6,15,26,28,51,58,59,43")
    (found,) = notices(learned(), [phone, arp(LATER + 3 * MINUTE, "10.0.0.1", ROUTER)])
    assert (found["kind"], found["random"]) == ("mobile", True)


@pytest.mark.parametrize(
    "entries",
    [
        [arp(LATER, "10.0.0.1", ROUTER), arp(LATER + HOUR, "10.0.0.99", ROUTER)],
        [arp(LATER, "10.0.0.1", "00:00:5e:00:01:07"), arp(LATER + HOUR, "10.0.0.1", "00:00:5e:00:01:07")],
        [arp(LATER, "10.0.0.1", "ff:ff:ff:ff:ff:ff"), arp(LATER + HOUR, "10.0.0.1", "01:00:5e:00:00:01")],
    ],
    ids=["known card, new address", "VRRP", "no card"],
)
def test_what_is_no_new_device(entries: list[Entry]) -> None:
    assert notices(learned(), entries) == []


def test_while_the_sensor_learns_nothing_is_new() -> None:
    week = [arp(n * 40 * MINUTE, f"10.0.0.{n}", f"00:1b:78:00:00:{n:02x}") for n in range(200)]
    assert notices(Devices(), week) == []


def test_a_flood_of_made_up_cards_is_bounded_and_drives_nobody_out() -> None:
    made = learned(arp(0, "10.0.0.7", "00:1b:78:00:00:07"))
    flood = [arp(LATER + n * SECOND, "10.0.0.8", f"02:66:{n >> 8:02x}:{n & 255:02x}:00:00") for n in range(5000)]
    assert len(notices(made, flood)) <= 2 * MOST_A_DAY
    known = [arp(LATER + DAY, "10.0.0.7", "00:1b:78:00:00:07"), arp(LATER + DAY + HOUR, "10.0.0.1", ROUTER)]
    assert [one for one in notices(made, known) if one["src_mac"] == "00:1b:78:00:00:07"] == []
    full = Devices()
    notices(full, [arp(n, "10.0.0.8", f"02:66:{n >> 8:02x}:{n & 255:02x}:00:00") for n in range(2 * MOST)])
    memory = full.memory()
    assert isinstance(memory, dict)
    assert len(memory["devices"]) == MOST


STATION = "00:1b:78:00:00:07"


def test_a_station_that_takes_another_name_is_noticed_once() -> None:
    made = learned(asks(0, STATION, "PC-017", **WINDOWS))
    renamed = [asks(LATER + n * HOUR, STATION, "kali", **WINDOWS) for n in range(10)]
    (found,) = notices(made, renamed)
    assert found == {
        "note": "Device::Name_Changed",
        "src_mac": STATION,
        "vendor": "HP",
        "name": "kali",
        "known_name": "pc-017",
        "kind": "station",
    }


@pytest.mark.parametrize(
    "names",
    [
        ["PC-017", "pc-017.urzad.local", "PC-017"],
        ["MININT-AB12CD", "PC-018"],
        ["DESKTOP-AB12CD3", "PC-018"],
        ["", "PC-018"],
    ],
    ids=["case and domain", "installer", "Windows' own name", "first name"],
)
def test_names_that_change_harmlessly(names: list[str]) -> None:
    first, *later = names
    made = learned(asks(0, STATION, first, **WINDOWS))
    assert notices(made, [asks(LATER + n * HOUR, STATION, name) for n, name in enumerate(later)]) == []


def test_a_docking_station_goes_from_laptop_to_laptop() -> None:
    made = learned(*[asks(n, STATION, f"NB-{n}", **WINDOWS) for n in (1, 2, 3)])
    assert notices(made, [asks(LATER + n * HOUR, STATION, f"NB-{n}", **WINDOWS) for n in range(20)]) == []


def test_the_owner_of_a_telephone_gives_it_a_name() -> None:
    apple = {"param_list": "1,121,3,6,15,108,114,119,252"}
    made = learned(asks(0, "da:a1:19:00:00:07", "iPhone", **apple))
    assert notices(made, [asks(LATER, "da:a1:19:00:00:07", "iPhone (Ola)", **apple)]) == []


def test_devices_outlive_a_restart() -> None:
    before, after = learned(asks(0, STATION, "PC-017", **WINDOWS), arp(1, "10.0.0.7", STATION)), Devices()
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    known = after.device("10.0.0.7")
    assert known is not None
    assert (known.kind, known.name) == ("station", "pc-017")
    (found,) = notices(after, [arp(LATER, "10.0.0.7", STATION), asks(LATER + 1, STATION, "kali")])
    assert found["note"] == "Device::Name_Changed"
