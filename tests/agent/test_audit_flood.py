"""More program starts than can be read: nothing breaks, what is lost is counted, what is seen is right."""

from __future__ import annotations

import contextlib
import json
import platform
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from agent.sensors import auditnetlink as netlink
from agent.sensors.audit import AuditSensor
from agent.sensors.auditstate import alive
from agent.wire.event import Record
from agent.wire.sending.sensor import Gap, Item, Reading
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.flood import make
from tests.agent.real import RealAgent

FEW = 1500
STARTERS, MANY = 3, 5000
"""Programs that start others at once, and how many each of them: together two or three seconds of flood."""
FIRST = ("nice", "-n", "-15")
"""What other tests compute beside it must not thin the flood."""
WANTED = 2500
"""Starts a second that the flood must reach even beside other tests; two cores alone reach more than 8,000."""
LOSSES = frozenset({"audit_lost", "audit_overflow", "audit_incomplete"})
PATIENCE = 0.1
"""Seconds that the records of an event that lost some wait for the others."""
MEMORY = 48 << 20
"""Bytes past which an agent does less (restraint.py)."""
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the program that starts itself is one of x86_64"),
]


def status() -> netlink.Status:
    control = netlink.Control()
    try:
        return control.status()
    finally:
        control.close()


@pytest.fixture(autouse=True)
def audit_is_free() -> None:
    holder = status().pid
    if holder and alive(holder):
        pytest.skip(f"the audit of this kernel belongs to process {holder}")


def starts(records: list[Record], program: Path) -> list[Record]:
    """Return the starts of a program by itself, also those of which the kernel lost a part."""
    named = [record for record in records if str(program) in str(record) and "audit.type" in record]
    return [record for record in named if record.get("process.args_count", 2) == 2]


def drained(sensor: AuditSensor) -> list[Item]:
    items: list[Item] = []
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3 * PATIENCE:
        read = sensor.read()
        quiet_since = time.monotonic() if read else quiet_since
        items += [*read, *sensor.tick()]
        time.sleep(0.01)
    return items


def test_losses_of_the_kernel_are_told_exactly_even_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.sensors.audit._BACKLOG", 256)
    monkeypatch.setattr("agent.sensors.auditnetlink._RECEIVE_BUFFER", 256 << 10)
    monkeypatch.setattr("agent.sensors.auditevents.PATIENCE", PATIENCE)
    program, once = make(tmp_path / "flood", FEW), make(tmp_path / "once", 1)
    sensor = AuditSensor(tmp_path, "boot")
    sensor.open({})
    before = status().lost
    try:
        subprocess.run([program], check=True)
        items = drained(sensor)
        subprocess.run([once], check=True)
        after = [item.record for item in drained(sensor) if isinstance(item, Reading) and item.record is not None]
        items += sensor.finish()
        lost = status().lost - before
    finally:
        sensor.close()
    seen = starts([item.record for item in items if isinstance(item, Reading) and item.record is not None], program)
    assert 0 < len(seen) < FEW
    gaps = {item.cause: item.lost for item in items if isinstance(item, Gap) and item.lost}
    assert gaps.get("audit_lost", 0) == lost
    assert len(seen) + sum(gaps.values()) >= FEW
    assert len(starts(after, once)) == 1


def test_a_flood_neither_ends_nor_swells_the_agent(tmp_path: Path) -> None:
    box = FakeBox(tmp_path / "box")
    agent = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="audit")
    programs = [make(tmp_path / f"flood{number}", MANY) for number in range(STARTERS)]
    agent.start()
    try:
        process = psutil.Process(agent.pid)
        began = time.monotonic()
        floods = [subprocess.Popen([*FIRST, program]) for program in programs]
        assert [flood.wait(60) for flood in floods] == [0] * STARTERS
        rate = STARTERS * MANY / (time.monotonic() - began)
        until(lambda: _idle(process), 20, "the end of the work")
        subprocess.run(["/bin/true", "after"], check=True)
        until(lambda: agent.commands("after"), 10, "what is started after the flood")
        assert process.memory_info().rss < MEMORY
        assert agent.stop() == 0
    finally:
        agent.stop()
        box.down()
    records = box.seen.records + _spooled(agent)
    lost = sum(int(str(record["gap.count"])) for record in records if str(record.get("gap.cause")) in LOSSES)
    seen = sum(len(starts(records, program)) for program in programs)
    assert seen + lost >= STARTERS * MANY, f"at {rate:.0f} starts a second"
    assert rate >= WANTED, "the flood was none"


def _idle(process: psutil.Process) -> bool:
    """Say whether a process computes next to nothing for a moment: it has read what there was."""
    before = sum(process.cpu_times()[:2])
    time.sleep(0.3)
    return sum(process.cpu_times()[:2]) - before <= 0.02


def _spooled(agent: RealAgent) -> list[Record]:
    """Return what an agent that has ended had not sent."""
    with contextlib.closing(sqlite3.connect(agent.home.spool)) as spool:
        return [json.loads(body) for (body,) in spool.execute("SELECT body FROM records")]
