"""DHCP servers and routers that were never there before; those of the office, relays and shared cards are known."""

from __future__ import annotations

import json

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, IPv6
from scapy.layers.l2 import Ether

from collector.analysers.bounded import DAY, HOUR
from collector.analysers.servers import MOST, Servers
from collector.heads.head import Entry
from tests.collector.analysers.seen import arp, entry, notes, notices, watched

OFFICE, STRANGER = "10.0.0.2", "10.0.0.66"


def answer(at: int, server: str = OFFICE, kind: str = "ACK", **fields: str) -> Entry:
    return entry("dhcp", at, msg_types=[kind], server_addr=server, **fields)


def router(at: int, mac: str, **fields: int | list[str]) -> Entry:
    return entry("nd", at, op="router_advertisement", src_ip="fe80::1", src_mac=mac, dst_ip="ff02::1", **fields)


def learned(*known: Entry) -> Servers:
    """An analyser that has watched an office for two days."""
    made = Servers()
    clock = [arp(n * HOUR // 2, "10.0.0.1", "00:0c:42:00:00:01") for n in range(1, 97)]
    assert notices(made, [*known, *clock]) == []
    return made


def _offer(server: str, card: str, router: str) -> Ether:
    return (
        Ether(src=card, dst="ff:ff:ff:ff:ff:ff")
        / IP(src=server, dst="255.255.255.255")
        / UDP(sport=67, dport=68)
        / BOOTP(op=2, yiaddr="10.0.0.77", chaddr=bytes.fromhex("001b78000009"))
        / DHCP(options=[("message-type", "offer"), ("server_id", server), ("router", router), "end"])
    )


def test_a_stranger_that_hands_out_addresses_is_noticed_in_packets() -> None:
    made = learned(answer(0))
    advert = (
        Ether(src="08:00:27:00:00:66", dst="33:33:00:00:00:01")
        / IPv6(src="fe80::66", dst="ff02::1")
        / ICMPv6ND_RA(routerlifetime=1800)
        / ICMPv6NDOptPrefixInfo(prefix="2001:db8:66::", prefixlen=64)
        / ICMPv6NDOptRDNSS(dns=["fe80::66"])
    )
    packets = [_offer(OFFICE, "00:15:5d:00:00:02", "10.0.0.1"), _offer(STRANGER, "08:00:27:00:00:66", STRANGER), advert]
    dhcp, nd = watched([made], [*packets, *packets])
    assert dhcp == {"note": "DHCP::Unknown_Server", "src": STRANGER, "routers": [STRANGER]}
    assert nd == {
        "note": "ND::Unknown_Router",
        "src": "fe80::66",
        "src_mac": "08:00:27:00:00:66",
        "vendor": "VirtualBox",
        "prefixes": ["2001:db8:66::/64"],
        "resolvers": ["fe80::66"],
    }


@pytest.mark.parametrize(
    "harmless",
    [
        [answer(0), answer(3 * DAY), answer(40 * DAY)],
        [answer(0), answer(3 * DAY, relay_addr="10.9.0.1")],
        [answer(0), answer(3 * DAY, server="10.0.0.2", kind="NAK")],
        [entry("dhcp", 3 * DAY, msg_types=["REQUEST"], server_addr=STRANGER)],
        [router(0, "00:0c:42:00:00:01", lifetime=1800), router(3 * DAY, "00:0c:42:00:00:01", lifetime=1800)],
        [router(3 * DAY, "00:00:5e:00:02:07", lifetime=1800)],
        [router(3 * DAY, "08:00:27:00:00:66", lifetime=0)],
        [entry("nd", 3 * DAY, op="router_solicitation", src_ip="fe80::7", src_mac="00:1b:78:00:00:07")],
    ],
    ids=["own", "relay", "refusal", "question", "own router", "VRRP", "router that goes", "who asks for routers"],
)
def test_what_an_office_does_anyway_is_not_noticed(harmless: list[Entry]) -> None:
    early = [one for one in harmless if one.log.at < answer(DAY).log.at]
    assert notices(learned(*early), harmless[len(early) :]) == []


def test_a_stranger_is_noticed_once_a_day_and_after_a_week_it_belongs_here() -> None:
    made = learned(answer(0))
    later = [answer(3 * DAY + n * HOUR, STRANGER) for n in range(24 * 20)]
    assert notes(made, later) == ["DHCP::Unknown_Server"] * 7


def test_a_server_of_ipv6_keeps_its_identifier() -> None:
    made = learned(entry("dhcpv6", 0, msg_types=["REPLY"], server_addr="fe80::2", server_duid="aa"))
    told = {"msg_types": ["ADVERTISE"], "server_addr": "fe80::3"}
    assert notices(made, [entry("dhcpv6", 3 * DAY, server_duid="aa", **told)]) == []
    assert notes(made, [entry("dhcpv6", 3 * DAY, server_duid="bb", **told)]) == ["DHCP::Unknown_Server"]


def test_while_the_sensor_learns_nothing_is_noticed() -> None:
    made = Servers()
    assert notices(made, [answer(0), answer(30 * DAY, STRANGER), answer(60 * DAY, "10.0.0.67")]) == []


def test_what_is_known_outlives_a_restart() -> None:
    before, after = learned(answer(0)), Servers()
    assert notes(before, [answer(3 * DAY, STRANGER)]) == ["DHCP::Unknown_Server"]
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    late = [answer(3 * DAY + 1), answer(3 * DAY + 2, STRANGER), answer(3 * DAY + 3, "10.0.0.67")]
    assert [one["src"] for one in notices(after, late)] == ["10.0.0.67"]


def test_memory_is_bounded() -> None:
    made = learned(answer(0))
    notices(made, (answer(3 * DAY + n, f"10.0.{n >> 8}.{n & 255}") for n in range(3 * MOST)))
    memory = made.memory()
    assert isinstance(memory, dict)
    assert (len(memory["since"]), len(memory["noticed"])) == (MOST, MOST)
