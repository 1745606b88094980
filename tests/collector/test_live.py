"""The sensor on a real pair of virtual cards, as the sending loop asks it."""

from __future__ import annotations

import contextlib
import select
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.l2 import ARP, Ether

from agent.wire.sending.sensor import Bookmark, Gap, Item, Reading, SensorLost
from collector import live
from collector.live import NetworkSensor
from collector.memory import unpacked
from collector.settings import settings
from tests.collector.cards import QUESTION, pair_of_cards
from tests.collector.replay import send

ONE, OTHER = "czt-live0", "czt-live1"


@pytest.fixture
def sensor() -> Iterator[NetworkSensor]:
    with pair_of_cards(ONE, OTHER), contextlib.closing(NetworkSensor([ONE], settings((), ()))) as made:
        yield made


def _frames(sensor: NetworkSensor, count: int) -> list[Any]:
    items: list[Any] = []
    while sensor.frames < count:
        assert select.select([sensor], [], [], 10)[0]
        items += sensor.read()
    return items


@pytest.mark.root
def test_what_passes_over_the_card_becomes_records_and_figures(sensor: NetworkSensor) -> None:
    assert sensor.availability().state == "on"
    assert sensor.open({}) == []
    send(OTHER, [QUESTION] * 3)
    assert _frames(sensor, 3) == []
    assert sensor.figures()["frames"] > 0
    assert sensor.tick() == []
    items = sensor.finish()
    records = [item.record for item in items if isinstance(item, Reading) and item.record]
    assert {record["_path"] for record in records} >= {"conn", "dns"}
    assert not [item for item in items if isinstance(item, Gap)]


@pytest.mark.root
def test_a_card_that_goes_away_is_said(sensor: NetworkSensor) -> None:
    sensor.open({})
    subprocess.run(["ip", "link", "del", ONE], check=True)
    with pytest.raises(SensorLost):
        sensor.read()
    sensor.close()
    assert sensor.availability() == ("off", "sensor.reason.no_interface")


@pytest.mark.root
def test_a_cable_that_is_pulled_and_put_back_is_said(sensor: NetworkSensor) -> None:
    sensor.open({})
    sensor.tick()
    subprocess.run(["ip", "link", "set", OTHER, "down"], check=True)
    gaps = _gaps_within(sensor, 1)
    assert [gap.cause for gap in gaps] == ["capture_silent"]
    assert sensor.availability() == ("limited", "sensor.reason.no_link")
    subprocess.run(["ip", "link", "set", OTHER, "up"], check=True)
    assert [gap.cause for gap in _gaps_within(sensor, 1)] == ["capture_silent"]
    assert sensor.availability().state == "on"


def _gaps_within(sensor: NetworkSensor, count: int) -> list[Gap]:
    """Ask as the sending loop does until so many losses are entered."""
    found: list[Gap] = []
    while len(found) < count:
        select.select([sensor], [], [], sensor.wait())
        found += [item for item in [*sensor.read(), *sensor.tick()] if isinstance(item, Gap)]
    return found


@pytest.mark.root
def test_frames_without_room_are_a_gap(sensor: NetworkSensor) -> None:
    sensor.open({})
    big = QUESTION / bytes(1200)
    send(OTHER, [bytes(big)] * 60_000)
    (gap,) = [item for item in sensor.tick() if isinstance(item, Gap)]
    assert gap.cause == "capture_dropped"
    assert gap.lost > 0
    assert sensor.availability().reason == "sensor.reason.drops"


@pytest.mark.root
def test_what_analysers_know_is_saved_and_outlives_a_restart(
    sensor: NetworkSensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor.open({})
    send(OTHER, [Ether(src=f"00:0c:42:00:00:0{n}", dst="ff:ff:ff:ff:ff:ff") / _claim(n) for n in (1, 2)])
    _frames(sensor, 2)
    assert sensor.tick() == []
    monkeypatch.setattr(live, "REMEMBER", 0.0)
    (saved,) = _bookmarks(sensor.tick())
    (last,) = _bookmarks(sensor.finish())
    assert last == saved
    sensor.close()
    after = NetworkSensor([ONE], settings([], []))
    try:
        after.open({last.name: last.value})
        (again,) = _bookmarks(after.finish())
        assert unpacked(again.value) == unpacked(last.value)
        assert "10.0.0.2" in str(unpacked(again.value)["bindings"])
    finally:
        after.close()


def _claim(number: int) -> ARP:
    card = f"00:0c:42:00:00:0{number}"
    return ARP(op=2, hwsrc=card, psrc=f"10.0.0.{number}", hwdst="ff:ff:ff:ff:ff:ff", pdst="10.0.0.9")


def _bookmarks(items: list[Item]) -> list[Bookmark]:
    return [item.bookmark for item in items if isinstance(item, Reading) and item.bookmark is not None]


def test_a_card_that_never_was_is_said() -> None:
    assert NetworkSensor(["czt-none"], settings((), ())).availability() == ("off", "sensor.reason.no_interface")
