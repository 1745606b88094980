"""Rare frames go to a real worker, which can do nothing else and is replaced when it is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.l2 import LLC, STP, Dot3

from collector.headers.parse import parse
from collector.heads.head import Entry
from collector.rare import dissector as module
from collector.rare.dissector import HUNG, REST, WAITING, Dissector
from collector.watch import Watch
from tests.agent.conditions import until
from tests.collector.packets import batch
from tests.collector.rare.announcements import PHONE, SWITCH, phone, switch

TREE = bytes(Dot3(src=SWITCH, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP())


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def apart(clock: Clock) -> Iterator[Dissector]:
    made = Dissector(clock=clock)
    yield made
    made.close()


def look(apart: Dissector, *frames: bytes) -> None:
    apart.look(parse(batch(frames)))


def pid(apart: Dissector) -> int:
    assert apart._process is not None
    return apart._process.pid


def heard(apart: Dissector) -> list[Entry]:
    """Wait for something that is told."""
    found: list[Entry] = []

    def some() -> bool:
        found.extend(apart.answers())
        return bool(found)

    until(some, 30)
    return found


def test_announcements_of_a_file_are_told_once_and_bad_ones_are_weird() -> None:
    watch = Watch((), rare=Dissector(patient=True))
    bad = switch()[:14] + b"\xff" * 30
    entries = [*watch.take(batch([TREE, switch(), phone(), switch(), bad, phone()])), *watch.finish()]
    assert [(one.log.path, one.log.fields.get("src_mac")) for one in entries] == [
        ("lldp", SWITCH), ("cdp", PHONE), ("weird", None),
    ]  # fmt: skip
    assert entries[0].log.fields["system_name"] == "sw-parter"
    assert entries[2].log.fields == {"name": "lldp_malformed", "source": "lldp"}


def test_a_worker_has_no_rights_and_is_replaced_when_it_hangs_or_dies(
    apart: Dissector, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE", 20)
    look(apart, TREE)
    assert apart._process is None
    look(apart, switch())
    (told,) = heard(apart)
    assert told.log.path == "lldp"
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid(apart)}/status").read_text().splitlines())
    assert (int(status["CapEff"], 16), int(status["CapPrm"], 16), status["NoNewPrivs"]) == (0, 0, "1")
    assert set(status["Uid"].split()) != {"0"}

    os.kill(pid(apart), signal.SIGSTOP)
    clock.now += 1
    look(apart, *(switch(f"sw-{number}") for number in range(WAITING)))
    assert apart.left_out == WAITING - 20  # too many in a second
    clock.now += 1
    look(apart, *(switch(f"ap-{number}") for number in range(WAITING)))
    assert apart.left_out == WAITING  # too many that wait
    assert list(apart.answers()) == []
    clock.now += HUNG
    (told,) = apart.answers()
    assert told.log.fields == {"note": "Sensor::Dissector_Hung", "n": WAITING}
    look(apart, phone())
    assert (apart._process, apart.left_out) == (None, 2 * WAITING + 1)

    clock.now += REST
    look(apart, phone())
    os.kill(pid(apart), signal.SIGKILL)
    told = heard(apart)[-1]
    assert told.log.fields["note"] == "Sensor::Dissector_Died"
    assert apart.replaced == 2
    clock.now += REST
    look(apart, phone("SEP1"))
    assert apart._process is None  # the next one takes longer


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ({"fields": {"ttl": 5, "x": 1, "port_id": "a" * 999}}, {"ttl": 5, "port_id": "a" * 256}),
        ({"fields": {"ttl": -1, "native_vlan": True, "addresses": ["a", 5] * 50}}, {"addresses": ["a"] * 8}),
        ({"fields": []}, {}), ({"fault": "X"}, {}), ([], {}), (None, {}),
    ],
)  # fmt: skip
def test_what_a_worker_says_is_checked(answer: object, fields: object) -> None:
    assert module.checked(answer) == fields
