"""Addresses that another card claims: of gateways and servers for days, of others while the old card is there."""

from __future__ import annotations

import json

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from collector.analysers.bindings import MOST, STORM, Bindings
from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND
from collector.heads.head import Entry
from tests.collector.analysers.seen import arp, entry, notes, notices, watched

ROUTER, THIEF, OTHER = "00:0c:42:00:00:01", "08:00:27:00:00:66", "00:1b:78:00:00:07"
GATEWAY, DESK = "10.0.0.1", "10.0.0.7"


def lease(at: int, server: str = "10.0.0.2", **fields: str | list[str]) -> Entry:
    return entry("dhcp", at, msg_types=["ACK"], server_addr=server, **fields)


def office() -> Bindings:
    """An analyser that knows the gateway and the name server from DHCP and both their cards."""
    made = Bindings()
    known = [lease(0, routers=[GATEWAY], dns_servers=["10.0.0.3"]), arp(1, GATEWAY, ROUTER), arp(2, "10.0.0.3", OTHER)]
    assert notices(made, known) == []
    return made


def test_a_stranger_that_claims_the_gateway_is_noticed_in_packets_once() -> None:
    ack = (
        Ether(src=OTHER, dst="ff:ff:ff:ff:ff:ff")
        / IP(src="10.0.0.2", dst="255.255.255.255")
        / UDP(sport=67, dport=68)
        / BOOTP(op=2, yiaddr=DESK, chaddr=bytes.fromhex("001b78000009"))
        / DHCP(options=[("message-type", "ack"), ("server_id", "10.0.0.2"), ("router", GATEWAY), "end"])
    )
    true = Ether(src=ROUTER, dst=OTHER) / ARP(op=2, hwsrc=ROUTER, psrc=GATEWAY, pdst=DESK)
    false = Ether(src=THIEF, dst=OTHER) / ARP(op=2, hwsrc=THIEF, psrc=GATEWAY, pdst=DESK)
    (found,) = watched([Bindings()], [ack, true, *[false] * 20, true, false], 0.5)
    assert found == {
        "note": "ARP::Binding_Changed",
        "src": GATEWAY,
        "src_mac": THIEF,
        "vendor": "VirtualBox",
        "known_mac": ROUTER,
        "known_vendor": "MikroTik",
        "role": "gateway",
    }


def test_the_gateway_is_remembered_over_days_and_known_without_dhcp_by_the_traffic_out() -> None:
    made = Bindings()
    out = [entry("conn", n, local_orig=True, local_resp=False, resp_l2_addr=ROUTER) for n in range(20)]
    (found,) = notices(made, [*out, arp(20, GATEWAY, ROUTER), arp(20 * HOUR, GATEWAY, THIEF)])
    assert found["role"] == "gateway"


def test_roles_go_from_the_worst_down() -> None:
    made = office()
    assert [one["role"] for one in notices(made, [arp(3, GATEWAY, THIEF), arp(4, "10.0.0.3", THIEF)])] == [
        "gateway",
        "dns",
    ]
    late = [lease(5, routers=["10.0.0.3"]), arp(6, "10.0.0.2", ROUTER), arp(7, "10.0.0.2", THIEF)]
    assert [one["role"] for one in notices(made, late)] == ["dhcp"]
    assert [one["role"] for one in notices(made, [arp(8, "10.0.0.3", "08:00:27:00:00:67")])] == ["gateway"]


def test_an_exchanged_gateway_is_noticed_once_and_then_believed() -> None:
    made = office()
    new = [arp(DAY * 2 + n * HOUR, GATEWAY, OTHER) for n in range(100)]
    assert notes(made, new) == ["ARP::Binding_Changed"]
    (found,) = notices(made, [arp(DAY * 7, GATEWAY, THIEF)])
    assert found["known_mac"] == OTHER


def test_an_ordinary_address_is_noticed_while_its_card_is_there_and_once_for_all() -> None:
    made = Bindings()
    desks = [f"10.0.0.{n}" for n in range(10, 60)]
    there = [arp(n, ip, f"00:1b:78:00:01:{n:02x}") for n, ip in enumerate(desks)]
    stolen = [arp(MINUTE + n, ip, THIEF) for n, ip in enumerate(desks)]
    (found,) = notices(made, [*there, *stolen])
    assert (found["role"], found["src"]) == ("host", desks[0])


@pytest.mark.parametrize(
    "claims",
    [
        [arp(0, DESK, OTHER), arp(31 * MINUTE, DESK, THIEF)],
        [arp(0, DESK, OTHER), lease(1, assigned_addr=DESK, mac=THIEF), arp(2, DESK, THIEF)],
        [arp(0, GATEWAY, ROUTER), arp(1, GATEWAY, "00:00:5e:00:01:07"), arp(2, GATEWAY, "00:00:5e:00:01:07")],
        [arp(0, GATEWAY, ROUTER), arp(1, GATEWAY, "00:00:0c:07:ac:01"), arp(2, GATEWAY, ROUTER)],
        [arp(0, "0.0.0.0", OTHER, "request"), arp(1, "0.0.0.0", THIEF, "request")],
        [arp(0, DESK, OTHER), arp(1, DESK, "ff:ff:ff:ff:ff:ff"), arp(2, DESK, "00:00:00:00:00:00")],
        [arp(n, f"10.0.0.{n}", ROUTER) for n in range(200)],
    ],
    ids=["address given anew", "lease", "VRRP", "HSRP", "probe", "no card", "proxy ARP"],
)
def test_what_an_office_does_anyway_is_not_noticed(claims: list[Entry]) -> None:
    assert notices(Bindings(), claims) == []


def test_a_pair_that_changes_places_is_noticed_the_first_time_only() -> None:
    made = office()
    first = [arp(2 * DAY, GATEWAY, OTHER)]
    back = [arp((3 + n) * DAY, GATEWAY, ROUTER if n % 2 == 0 else OTHER) for n in range(6)]
    assert notes(made, [*first, *back]) == ["ARP::Binding_Changed"]


def test_who_takes_an_address_by_night_does_not_keep_it_by_day() -> None:
    night = [arp(0, DESK, OTHER), arp(10 * HOUR, DESK, THIEF)]
    day = [arp(10 * HOUR + MINUTE, DESK, OTHER), arp(10 * HOUR + 2 * MINUTE, DESK, THIEF)]
    assert notes(Bindings(), [*night, *day]) == ["ARP::Binding_Changed"]


def test_a_stranger_takes_the_address_of_a_shared_card() -> None:
    made = office()
    assert notes(made, [arp(3, GATEWAY, "00:00:5e:00:01:07"), arp(4, GATEWAY, THIEF)]) == ["ARP::Binding_Changed"]


def answers(ip: str, cards: list[str], seconds: int, hours: int) -> list[Entry]:
    """Answers for one address by some cards in turn."""
    count = hours * HOUR // (seconds * SECOND)
    return [arp(n * seconds * SECOND, ip, cards[n % len(cards)]) for n in range(count)]


def in_turn(*claims: list[Entry]) -> list[Entry]:
    return sorted((one for each in claims for one in each), key=lambda one: one.log.at)


def test_two_cards_of_one_device_are_noticed_once_at_most() -> None:
    assert notes(Bindings(), answers(DESK, [OTHER, "00:1b:78:00:00:08"], 20, 6)) == []
    before, after = Bindings(), Bindings()
    assert notes(before, answers(DESK, [OTHER, "00:26:55:00:00:08"], 20, 48)) == ["ARP::Binding_Changed"]
    after.recall(json.loads(json.dumps(before.memory())))
    again = [arp(48 * HOUR + n * MINUTE, DESK, (OTHER, "00:26:55:00:00:08")[n % 2]) for n in range(600)]
    assert notes(after, again) == []
    assert notes(after, [arp(DAY * 80, DESK, OTHER), arp(DAY * 80 + 1, DESK, "00:26:55:00:00:08")]) == [
        "ARP::Binding_Changed"
    ]


def test_who_stands_between_two_others_is_noticed_even_where_no_role_is_known() -> None:
    router, desk = answers(GATEWAY, [ROUTER], 20, 1), answers(DESK, [OTHER], 45, 1)
    thief = [one for ip in (GATEWAY, DESK) for one in answers(ip, [THIEF], 2, 1)[600:]]
    changed, between = notices(Bindings(), in_turn(router, desk, thief))
    assert (changed["note"], changed["role"]) == ("ARP::Binding_Changed", "host")
    assert (between["note"], between["src_mac"], between["n"]) == ("ARP::Stands_Between", THIEF, 2)
    assert between["sub"] == f"{DESK}, {GATEWAY}"


@pytest.mark.parametrize(
    "claims",
    [
        in_turn(answers(DESK, [OTHER, THIEF], 20, 2)),
        in_turn(*[answers(f"10.0.0.{n}", ["00:1b:78:00:00:20", "00:26:55:00:00:08"], 21 + n, 2) for n in range(4)]),
        in_turn(
            *[[arp(minute * MINUTE + n, f"10.0.0.{n}", card)
               for minute, card in ((0, f"00:1b:78:00:01:{n:02x}"), (15, THIEF), (27, f"00:1b:78:00:01:{n:02x}"))]
              for n in range(10, 30)]
        ),
    ],
    ids=["one address given twice", "device of several addresses and cards", "telephones at a repeater"],
)  # fmt: skip
def test_other_disputes_are_no_more_than_a_changed_binding(claims: list[Entry]) -> None:
    assert set(notes(Bindings(), claims)) <= {"ARP::Binding_Changed"}


def test_a_router_answers_for_others() -> None:
    made = office()
    desks = [answers(f"10.0.0.{n}", [f"00:1b:78:00:01:{n:02x}", ROUTER], 20, 1) for n in range(10, 20)]
    assert set(notes(made, in_turn(*desks))) == {"ARP::Binding_Changed"}


def test_neighbours_of_ipv6_are_bound_the_same_way() -> None:
    router = Ether(src=ROUTER) / IPv6(src="fe80::1", dst="ff02::1") / ICMPv6ND_RA(routerlifetime=1800)
    claim = (
        Ether(src=THIEF)
        / IPv6(src="fe80::66", dst="ff02::1")
        / ICMPv6ND_NA(tgt="fe80::1", R=1)
        / ICMPv6NDOptDstLLAddr(lladdr=THIEF)
    )
    (found,) = watched([Bindings()], [router, claim, claim], 1)
    assert (found["src"], found["src_mac"], found["role"]) == ("fe80::1", THIEF, "gateway")


def test_a_storm_of_unasked_claims_is_noticed_and_a_failover_is_not() -> None:
    claims = [arp(n * SECOND // 4, f"10.0.{n % 50}.1", THIEF, gratuitous=True) for n in range(STORM)]
    (found,) = notices(Bindings(), claims)
    assert (found["note"], found["n"], found["src_mac"]) == ("ARP::Gratuitous_Storm", STORM, THIEF)
    failover = [arp(n * 1000, f"10.0.{n % 30}.1", ROUTER, gratuitous=True) for n in range(90)]
    daily = [arp(n * MINUTE, DESK, OTHER, gratuitous=True) for n in range(500)]
    assert notices(Bindings(), [*failover, *daily]) == []


def test_what_is_known_outlives_a_restart() -> None:
    before, after = office(), Bindings()
    assert notes(before, [arp(10, "10.0.0.3", THIEF)]) == ["ARP::Binding_Changed"]
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.memory() == before.memory()
    assert notes(after, [arp(11, GATEWAY, THIEF), arp(12, "10.0.0.3", THIEF)]) == ["ARP::Binding_Changed"]


def test_memory_is_bounded_and_forgets_what_was_silent_longest() -> None:
    made = office()
    flood = [arp(10 + n, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", OTHER) for n in range(70_000, 70_000 + 3 * MOST)]
    assert notices(made, flood) == []
    memory = made.memory()
    assert isinstance(memory, dict)
    assert len(memory["bound"]) == MOST
    assert memory["bound"][0][0] == flood[-MOST].log.fields["src_ip"]
