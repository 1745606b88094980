"""What the sensor passes over: counted by its parts, entered when it begins to grow, and rarely after that."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether

from agent.wire.sending.sensor import Gap
from appliance.intake.heartbeat import FIGURES, LOSSES
from appliance.web.pages.render import catalogue
from collector.flows.table import FlowTable
from collector.heads.linklayer import MAX_A_SECOND
from collector.losses import AGAIN, CAUSES, REASONS, Growing, Losses, losses_of, summed
from collector.protocols.registry import PROTOCOLS
from collector.rare.dissector import Dissector
from collector.slices.files import Limits
from collector.slices.ring import Slices
from collector.watch import Watch
from tests.collector.packets import NOON, batch

SECOND = 1_000_000
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ATTEMPT = ETHER / IP(src="10.0.0.1", dst="10.0.0.2")


def test_each_figure_is_known_to_the_box_and_explained() -> None:
    assert set(Losses._fields) == {*LOSSES, "unread", "weird", "others"}
    assert set(Losses._fields) < set(FIGURES)
    keys = {f"sensor.loss.{name}" for name in Losses._fields}
    keys |= {f"cause.{cause}" for cause in CAUSES.values()} | {f"sensor.reason.{name}" for name in REASONS}
    assert {key for key in keys if key not in catalogue()} == set()


def test_what_the_parts_count_is_told(tmp_path: Path) -> None:
    (file := tmp_path / "no-folder").touch()
    slices, rare = Slices(file, Limits(keep_free=0)), Dissector()
    watch = Watch(PROTOCOLS, table=FlowTable(attempts=20), slices=slices, rare=rare)
    assert losses_of(watch, slices, rare) == Losses()
    flood = [ATTEMPT / TCP(sport=1000 + n, dport=80, flags="S") for n in range(100)]
    claims = [ETHER / ARP(op=2, psrc=f"10.0.{n >> 8}.{n & 255}") for n in range(MAX_A_SECOND + 7)]
    foreign = [Ether(type=kind) / bytes(50) for kind in (0x88E5, 0x8892, 0x888E, 0x0026)]
    packets = [*flood, bytes(flood[0])[:40], *claims, *foreign]
    list(watch.take(batch(packets, [NOON] * len(packets))))
    found = losses_of(watch, slices, rare)
    assert (found.flooded, found.neighbours, found.unread, found.others) == (75, 7, 1, 3)
    assert found.slices == 25
    assert summed([found, found]).flooded == 150
    rare.close()


def test_a_loss_is_entered_when_it_begins_then_once_a_minute_and_at_the_end() -> None:
    growing, now = Growing("x"), 10 * SECOND
    found = [growing.grown(3, now + n * SECOND - SECOND, now + n * SECOND, n * SECOND) for n in range(1, 63)]
    assert [(n, *gaps) for n, gaps in enumerate(found, 1) if gaps] == [
        (1, Gap("x", 3, now, now + SECOND)),
        (61, Gap("x", 180, now + SECOND, now + 61 * SECOND)),
    ]
    assert growing.rest(now + 63 * SECOND) == [Gap("x", 3, now + 61 * SECOND, now + 63 * SECOND)]
    assert growing.rest(now) == []
    assert growing.grown(0, now, now, AGAIN * 10) == []


def test_a_clock_that_is_set_back_neither_stops_entries_nor_turns_them() -> None:
    growing = Growing("x")
    assert growing.grown(1, 50, 60, 0) == [Gap("x", 1, 50, 60)]
    assert growing.grown(1, 60, 20, AGAIN) == [Gap("x", 1, 20, 20)]
