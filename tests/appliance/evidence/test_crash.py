"""kill -9 at every step of an append: nothing is carried twice, nothing is left out, the chain holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from sqlalchemy import func, select

from appliance.clock import MINUTE
from appliance.evidence.keeper import Keeper
from appliance.evidence.ledger import Ledger
from appliance.state.models import AlertHistory, Operation
from appliance.store.writer import GRACE
from tests.appliance.evidence.conftest import Box

STEPS = ("begun", "inserted", "sealed", "committed")
CHILD = """
import os, signal, sys
from pathlib import Path
from appliance.evidence.keeper import Keeper
from appliance.home import Home
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
home, step, left, now = Home(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def probe(at):
    global left
    left -= at == step
    if left == 0 and at == step:
        os.kill(os.getpid(), signal.SIGKILL)
settings = Settings()
sessions = open_sessions(open_state(settings.database(home)))
Keeper(home, settings, sessions, lambda: now, probe).round()
"""


def killed(box: Box, step: str, nth: int) -> bool:
    """Run a round that dies when it reaches a step for the nth time; return whether it did."""
    command = [sys.executable, "-c", CHILD, str(box.home.root), step, str(nth), str(box.now)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": "."})
    assert done.returncode in {-signal.SIGKILL, 0}, done.stderr.decode()
    return done.returncode != 0


def grow(box: Box) -> None:
    """Let events come, be merged, and let somebody work."""
    for _ in range(4):
        box.append(5)
    box.alert([])
    box.store.compact(60)
    box.now += GRACE
    box.store.compact(60)


def sound(box: Box) -> None:
    """The chain holds, and has everything once."""
    box.now += MINUTE
    box.keeper.round()
    assert box.keeper.round() == 0
    assert box.faults(events=True) == []
    with Ledger(box.home.evidence) as ledger, box.sessions() as session:
        carried = [entry["payload"]["history"] for entry in ledger.of_kind("alert", "decision")]
        assert carried == list(session.scalars(select(AlertHistory.id).order_by(AlertHistory.id)))
        audit = [entry["payload"]["operation"] for entry in ledger.of_kind("operation")]
        assert len(audit) == session.scalar(select(func.count()).select_from(Operation))
        assert sum(one.rows for one in ledger.live().values()) == box.store.stats().events == box.made
        assert "lost" not in box.kinds()


def test_kill_9_at_every_step_of_a_round_loses_and_doubles_nothing(box: Box) -> None:
    assert killed(box, "begun", 1)
    assert box.faults() == ["wpis: łańcuch jest pusty"]
    for step, nth in zip(STEPS[1:], (3, 2, 4), strict=True):
        grow(box)
        assert killed(box, step, nth)
        assert box.faults(events=True) == []
    sound(box)


def test_a_failure_at_every_step_leaves_old_or_new(box: Box) -> None:
    stopped = 0
    for nth in range(1, 9):
        for step in STEPS:
            box.append(3)
            left = nth

            def probe(at: str, step: str = step) -> None:
                nonlocal left
                left -= at == step
                if left == 0 and at == step:
                    raise OSError(28, "No space left on device")

            try:
                Keeper(box.home, box.settings, box.sessions, lambda: box.now, probe).round()
            except OSError:
                stopped += 1
        grow(box)
    assert stopped >= 12
    sound(box)


FULL = """
import resource, sqlite3, sys
from pathlib import Path
from appliance.evidence.keeper import Keeper
from appliance.home import Home
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
home, settings = Home(Path(sys.argv[1])), Settings()
sessions = open_sessions(open_state(settings.database(home)))
keeper = Keeper(home, settings, sessions)
keeper.round()
with sessions.begin() as session:
    from appliance.state.models import Operation
    session.add_all(Operation(at=n, who="anna", action="x" * 60, target="y" * 200, detail={}) for n in range(3000))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    keeper.round()
except (sqlite3.Error, OSError) as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(type(error).__name__, keeper.round() > 0)
"""


def test_a_chain_that_cannot_grow_is_said_and_goes_on_later(box: Box) -> None:
    command = [sys.executable, "-c", FULL, str(box.home.root)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": "."})
    assert done.stdout.decode().split()[1:] == ["True"], done.stderr.decode()
    sound(box)
