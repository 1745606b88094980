"""Zeek and network events."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.normalise import Source
from appliance.normalise.network import normalise, station
from tests.appliance.normalise.cases import cases, check


@pytest.mark.parametrize("case", cases("network"))
def test_becomes_the_expected_event(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (("10.0.0.5", "8.8.8.8"), "10.0.0.5"),
        (("8.8.8.8", "192.168.1.9"), "192.168.1.9"),
        (("8.8.8.8", "1.1.1.1"), "8.8.8.8"),
        (("0.0.0.0", "255.255.255.255"), ""),
        (("fe80::1", "ff02::2"), "fe80::1"),
        (("no address", "fd00::7"), "fd00::7"),
    ],
)
def test_an_event_is_of_the_offices_own_end(ends: tuple[str, str], expected: str) -> None:
    assert station(dict(zip(("source.ip", "destination.ip"), ends, strict=True))) == expected


@pytest.mark.parametrize(
    ("ends", "told", "direction"),
    [
        (("10.0.0.5", "192.168.1.9"), {}, "internal"),
        (("10.0.0.5", "203.0.113.9"), {}, "outbound"),
        (("203.0.113.9", "fd00::7"), {}, "inbound"),
        (("203.0.113.9", "2a02::1"), {}, "external"),
        (("100.64.0.5", "224.0.0.251"), {"local_orig": True, "local_resp": False}, "internal"),
        (("0.0.0.0", "255.255.255.255"), {}, "internal"),
        (("fe80::1", "ff02::2"), {}, "internal"),
        (("2a02::1", "2a02::2"), {"local_orig": True, "local_resp": True}, "internal"),
        (("2a00::1", "2a02::2"), {"local_orig": False, "local_resp": True}, "inbound"),
        (("10.9.0.1", "10.1.0.1"), {"local_orig": False, "local_resp": True}, "inbound"),
    ],
)
@pytest.mark.parametrize("log", ["conn", "http", "smb_cmd"])
def test_the_way_is_told_by_the_offices_own_networks(
    log: str, ends: tuple[str, str], told: dict[str, bool], direction: str
) -> None:
    record = {"_path": log, "ts": 1.5, "uid": "C1", "id.orig_h": ends[0], "id.resp_h": ends[1], **told}
    event = normalise(record, Source("agent-1", 1))
    assert event["network.direction"] == direction
    own = {"outbound": ends[0], "inbound": ends[1]}.get(direction)
    assert own is None or event["host.name"] == own


def test_who_listened_is_the_observer() -> None:
    record = {"_path": "conn", "ts": 1772439330.5, "uid": "C1", "id.orig_h": "10.0.0.5", "id.resp_h": "192.0.2.7"}
    source = Source("agent-1", 1)
    for named, observer in (({}, "agent-1"), ({"_system_name": "czujnik"}, "czujnik"), ({"host.name": "PC"}, "PC")):
        event = normalise({**record, **named}, source)
        assert (event["host.name"], event["observer.name"]) == ("10.0.0.5", observer)
    nobody = normalise({"_path": "weird", "ts": 1.5, "uid": "C1", "name": "odd"}, source)
    assert (nobody["host.name"], nobody["observer.name"]) == ("agent-1", "agent-1")
