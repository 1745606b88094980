"""Which ends are the office's own: by the networks that somebody named, and the box's rules go by them."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from collector.heads.head import Entry
from collector.protocols.model import Flow, Log
from collector.protocols.registry import PROTOCOLS
from collector.records import wire_record
from collector.settings import settings
from collector.watch import Watch
from tests.collector.analysers.logs import fired
from tests.collector.packets import batch

OFFICE, STRANGER = "2a02:a31b:7::{:x}", "2a00:1450:4::9"


def conversation(source: str, target: str, port: int, *, open_: bool) -> list[Any]:
    """A connection that is made and ended, or refused."""
    there = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IPv6(src=source, dst=target)
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IPv6(src=target, dst=source)
    out, answer = {"sport": 40_000, "dport": port}, {"sport": port, "dport": 40_000}
    first = there / TCP(**out, flags="S", seq=1)
    if not open_:
        return [first, back / TCP(**answer, flags="RA", seq=0, ack=2)]
    return [
        first,
        back / TCP(**answer, flags="SA", seq=1, ack=2),
        there / TCP(**out, flags="PA", seq=2, ack=2) / b"\x01\x02\x03",
        back / TCP(**answer, flags="PA", seq=2, ack=5) / b"\x01\x02\x03",
        there / TCP(**out, flags="RA", seq=5, ack=5),
    ]


def rules(packets: list[Any], *networks: str) -> set[str]:
    wanted = settings(networks, ())
    watch = Watch(PROTOCOLS, wanted.office)
    entries = [*watch.take(batch(packets)), *watch.finish()]
    return fired([wire_record(wanted.sides.say(entry)) for entry in entries])


@pytest.mark.parametrize(
    ("source", "target", "port", "open_", "rule"),
    [
        (OFFICE.format(5), OFFICE.format(6), 445, False, "zeek_conn_refused_inside"),
        (STRANGER, OFFICE.format(6), 1433, True, "zeek_conn_service_from_internet"),
        (STRANGER, OFFICE.format(6), 502, True, "zeek_ics_port_from_outside_network"),
        (OFFICE.format(5), STRANGER, 445, True, "zeek_conn_smb_to_internet"),
    ],
)
def test_an_office_with_public_addresses_has_an_inside(
    source: str, target: str, port: int, open_: bool, rule: str
) -> None:
    packets = conversation(source, target, port, open_=open_)
    assert rule in rules(packets, "2a02:a31b:7::/48", "192.168.0.0/16")
    assert rule not in rules(packets)


def test_what_goes_on_between_two_strangers_is_neither() -> None:
    assert rules(conversation(STRANGER, "2a00:1450:4::8", 445, open_=True), "2a02:a31b:7::/48") == set()


def test_every_log_says_it_where_networks_were_named_and_connections_always() -> None:
    def said(path: str, *networks: str) -> dict[str, Any]:
        entry = Entry(Log(path, 1, {}), "C1", Flow("2a02:a31b:7::5", 1, STRANGER, 2, "tcp"))
        return dict(settings(networks, ()).sides.say(entry).log.fields)

    assert said("http", "2a02:a31b:7::/48") == said("conn", "2a02:a31b:7::/48")
    assert said("http", "2a02:a31b:7::/48") == {"local_orig": True, "local_resp": False}
    assert said("http") == {}
    assert said("conn") == {"local_orig": False, "local_resp": False}
    none = Entry(Log("arp", 1, {}), "", None)
    assert settings(["10.0.0.0/8"], ()).sides.say(none).log.fields == {}
