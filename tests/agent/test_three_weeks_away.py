"""A laptop away from its box for three weeks and back: a real agent, a real gateway, clocks that a test moves."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.wire.envelope import unpack
from agent.wire.sending import enrolment
from agent.wire.sending.backoff import LAST
from agent.wire.sending.enrol_token import decode
from agent.wire.sending.home import AgentHome
from agent.wire.sending.spool import _ROW_COST
from agent.wire.sending.uplink import SPREAD
from appliance.home import CHECKOUT
from appliance.journal import Journal
from tests.agent.away import A_STEP
from tests.agent.conditions import until
from tests.appliance.intake.box import Box, agent_row, prepared_box

STEP = 8 * 3600
STEPS = 21 * 3
AHEAD = 300
"""Seconds by which somebody puts the laptop's clock forward on the way."""
BOUND = 400_000
MINUTE = 60_000_000
Records = Sequence[dict[str, Any]]


class Laptop:
    """An agent's process, and what the test may see of it: its spool's file."""

    def __init__(self, folder: Path, box: Box) -> None:
        self.home, self.box, self._log = AgentHome(folder / "agent"), box, folder / "agent.log"
        self._clock = folder / "clock"
        """Of the box; it moves with the laptop's."""
        box.program = ("tests.agent.ahead", str(self._clock), "appliance")
        self.identity = enrolment.enrol(decode(box.token()), self.home)
        self._environment = {
            "PYTHONPATH": str(CHECKOUT),
            "CZUJKA_AGENT_SPOOL_BYTES": str(BOUND),
            "CZUJKA_AGENT_KEEP_FREE_BYTES": "0",
        }
        self.passed = self.put = self.steps = 0
        self.start()

    def start(self) -> None:
        (alive := self.home.folder / "alive").unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.agent.away", str(self.home.folder), str(self.passed), str(self.put)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=self._environment
            )
        until(alive.exists, 15, f"the agent's start ({self._log})")

    def step(self, passed: int, put: int = 0) -> None:
        """Let time go by and the source have records; return when they are on the disk."""
        assert self.process.stdin is not None
        self.passed, self.put, self.steps = self.passed + passed, self.put + put, self.steps + 1
        (draft := self._clock.with_suffix(".new")).write_text(str(self.passed))
        draft.replace(self._clock)
        self.process.stdin.write(b"%d %d\n" % (passed, put))
        self.process.stdin.flush()
        until(self._read, 15, f"step {self.steps} ({self._log})")

    def _read(self) -> bool:
        return bool(self.spooled("SELECT value = ? FROM state WHERE name = 'at:steps'", str(self.steps)))

    def spooled(self, query: str, *values: object) -> int:
        """Return the number that a question to the spool gives, 0 when it gives none."""
        with closing(sqlite3.connect(f"file:{self.home.spool}?mode=ro", uri=True, timeout=10)) as spool:
            return int((spool.execute(query, values).fetchone() or (0,))[0] or 0)

    @property
    def waits(self) -> int:
        return self.spooled("SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM losses)")

    @property
    def size(self) -> int:
        return self.spooled("SELECT sum(length(body) + ?) FROM records", _ROW_COST)

    def ends(self, *, kill: bool = False) -> int:
        self.process.kill() if kill else self.process.terminate()
        code = self.process.wait(20)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return code


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    (tmp_path / "box").mkdir()
    made = prepared_box(tmp_path / "box")
    made.start()
    yield made
    assert made.process is not None
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def laptop(tmp_path: Path, box: Box) -> Iterator[Laptop]:
    made = Laptop(tmp_path, box)
    yield made
    if made.process.poll() is None:
        made.ends(kill=True)


def lives_through(laptop: Laptop) -> None:
    """Leave, be away through three weeks with a kill and a clock put forward in between, and come back."""
    laptop.step(0)
    until(lambda: not laptop.waits, 15, "the box has all before it goes")
    assert laptop.box.stop() == 0
    for step in range(STEPS):
        laptop.step(STEP, AHEAD if step == STEPS // 3 else 0)
        assert laptop.size <= BOUND
        if step == STEPS // 2:
            laptop.ends(kill=True)
            laptop.start()
    laptop.box.start()
    laptop.step(int(LAST) + 1)
    until(lambda: agent_row(laptop.box, laptop.identity.agent_id).skew_us < -MINUTE, 15, "the box's word of the clock")
    laptop.step(int(SPREAD) + 1)
    until(lambda: laptop.spooled("SELECT count(*) FROM records") == 0, 15, "the pile")
    while laptop.waits:  # what the last events of losses pushed out is told by a later round
        laptop.step(60)
        until(lambda: laptop.spooled("SELECT count(*) FROM records") == 0, 15, "what is new")


def arrived(box: Box) -> Records:
    """Return all records in the journal of a box that has ended."""
    journal = Journal(box.home.journal, 1 << 30)
    try:
        return [json.loads(line) for batch in journal.read(0, 10_000, 1 << 30) for line in unpack(batch.body)]
    finally:
        journal.close()


def of(records: Records, action: str) -> Records:
    return [one for one in records if one.get("event.action") == action]


def test_what_arrives_and_what_the_gaps_say_is_all_that_was(laptop: Laptop) -> None:
    lives_through(laptop)
    skew = agent_row(laptop.box, laptop.identity.agent_id).skew_us
    assert laptop.ends() == 0
    assert laptop.box.stop() == 0
    records = arrived(laptop.box)
    gaps = of(records, "telemetry_gap")
    told = Counter[int]()
    for gap in gaps:
        told[gap.get("gap.priority", 0)] += gap["gap.count"]
    got = Counter((one["p"], one["n"]) for one in records if "p" in one)
    assert set(got.values()) == {1}, "nothing comes twice"
    for priority, many in A_STEP.items():
        numbers = {number for kind, number in got if kind == priority}
        made = laptop.steps * many
        assert numbers <= set(range(made))
        assert len(numbers) + told[priority] == made
    assert told[1] == told[0] == 0, "what rules decide on is all there"
    assert told[2] > 0
    assert told[3] > 0
    assert {gap["gap.cause"] for gap in gaps} == {"spool_full", "agent_killed"}, "and the chain of batches is whole"
    assert len({one["event.id"] for one in gaps}) == len(gaps)
    (changed,), (skewed,) = of(records, "clock_changed"), of(records, "clock_skewed")
    assert changed["clock.delta"] == pytest.approx(AHEAD * 1e6, abs=2e6)
    assert skewed["clock.offset"] == pytest.approx(-AHEAD * 1e6, abs=2e6)
    assert skew == pytest.approx(-AHEAD * 1e6, abs=2e6)
