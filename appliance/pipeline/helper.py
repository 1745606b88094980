"""A process that works batches beside the pipeline, on another core: started when there is much to do.

It is given rules and plans once, then batches, and answers each with what the pipeline's own worker would have made
of it. It holds nothing: whatever it has not answered when it dies is worked by somebody else. It ends when the
connection does, so it cannot outlive the pipeline.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from appliance import logs
from appliance.detect import Engine, Rule, RuleSet, RuleStats
from appliance.normalise import normalise
from appliance.pipeline.parcels import Parcels
from appliance.pipeline.work import Unit, Worked, Worker
from appliance.settling import settle

RULES_AT_ONCE = 100
"""Rules that are packed in one go, so that the stream's thread need not wait for all of them."""
COSTS_SECONDS = 0.5
"""How often an answer tells what rules have cost since."""
Cost = tuple[int, int, int]
"""Events that a rule was decided on, events that it matched, nanoseconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of batches; `costs` are what rules have cost since the last that were told."""

    worked: Worked
    costs: dict[str, Cost]


class Helper:
    """The pipeline's side of one such process.

    A thread calls `more` when it could do more, and `wake` when there is something to take or it has ended.
    """

    def __init__(
        self,
        worker: Worker,
        wake: Callable[[], None],
        more: Callable[[Helper], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ready = self.dead = False
        self.given: deque[Unit] = deque()
        """What it has not answered yet, in order."""
        self.heard = clock()
        """When it last answered, or was given something after it had answered all."""
        self._wake, self._more, self._clock = wake, more, clock
        self._answers: SimpleQueue[tuple[Unit, Answer]] = SimpleQueue()
        self._connection, theirs = Parcels.pair()
        # Not `-m`: this module must have its own name there, or its answers could not be read here.
        command = [sys.executable, "-c", f"from {__name__} import main; main({theirs.fileno()})"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        theirs.close()
        self._thread = threading.Thread(target=self._attend, args=(worker,), name="helper", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def _attend(self, worker: Worker) -> None:
        """Give it the rules, then take its answers until it ends."""
        try:
            rules = worker.engine.rules
            for start in range(0, len(rules), RULES_AT_ONCE):
                self._connection.send(list(rules[start : start + RULES_AT_ONCE]))
            self._connection.send(
                (dict(worker.engine.plans), worker.importer, list(worker.correlations), worker.originals)
            )
            self.ready = bool(self._connection.receive())
            while True:
                self._more(self)
                self._wake()
                self._take(self._connection.receive())
        except (EOFError, OSError):
            pass
        finally:
            self.dead = True
            self._wake()

    def _take(self, answer: Answer) -> None:
        self.heard = self._clock()
        self._answers.put((self.given.popleft(), answer))

    def give(self, unit: Unit) -> None:
        """Let it work batches. One thread at a time."""
        if not self.given:
            self.heard = self._clock()
        # First noted, then sent: the answer may come at once.
        self.given.append(unit)
        try:
            self._connection.send(unit)
        except OSError:
            self.dead = True

    def answers(self) -> Iterator[tuple[Unit, Answer]]:
        """Yield what it has answered since, in order."""
        while True:
            try:
                yield self._answers.get_nowait()
            except Empty:
                return

    def end(self) -> threading.Thread:
        """Let it go; what it has not answered is lost. Return the thread that waits until it is gone."""
        self._process.kill()
        thread = threading.Thread(target=self._bury, name="burial", daemon=True)
        thread.start()
        return thread

    def _bury(self) -> None:
        # The kernel takes its time to tear hundreds of megabytes down.
        self._process.wait()
        self._thread.join()
        self._connection.close()


def main(handle: int) -> None:
    """Work batches until the connection ends."""
    # Ctrl-C is for the pipeline, which ends this process when it is through.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure()
    connection = Parcels.inherited(handle)
    try:
        worker = _worker(connection)
        connection.send(True)
        jobs: SimpleQueue[Unit | None] = SimpleQueue()
        answers: SimpleQueue[Answer] = SimpleQueue()
        threading.Thread(target=_read, args=(connection, jobs), daemon=True).start()
        threading.Thread(target=_send, args=(connection, answers), daemon=True).start()
        _work(worker, jobs, answers)
    except (EOFError, OSError):
        # The pipeline has gone.
        return


def _worker(connection: Parcels) -> Worker:
    rules: list[Rule] = []
    while isinstance(part := connection.receive(), list):
        rules += part
    plans, importer, correlations, originals = part
    worker = Worker(Engine(RuleSet(rules, []), plans=plans), normalise, importer, correlations, originals=originals)
    settle()
    return worker


def _read(connection: Parcels, jobs: SimpleQueue[Unit | None]) -> None:
    """Read ahead: the pipeline should not wait to be rid of a batch."""
    try:
        while True:
            jobs.put(connection.receive())
    except (EOFError, OSError):
        jobs.put(None)


def _send(connection: Parcels, answers: SimpleQueue[Answer]) -> None:
    """Send answers while the next are made: the pipeline takes them when it has time."""
    try:
        while True:
            connection.send(answers.get())
    except OSError:
        # The pipeline has gone; reading ends, too.
        return


def _work(worker: Worker, jobs: SimpleQueue[Unit | None], answers: SimpleQueue[Answer]) -> None:
    told: dict[str, Cost] = {}
    at = time.monotonic()
    while (unit := jobs.get()) is not None:
        worked = worker.work(unit)
        costs: dict[str, Cost] = {}
        if time.monotonic() - at >= COSTS_SECONDS:
            at, costs = time.monotonic(), _costs(worker.engine.stats, told)
        answers.put(Answer(worked, costs))


def _costs(stats: Mapping[str, RuleStats], told: dict[str, Cost]) -> dict[str, Cost]:
    """Return what rules have cost since they were `told`, and note it there."""
    found: dict[str, Cost] = {}
    for rule, one in stats.items():
        total, before = (one.evaluated, one.matched, one.nanoseconds), told.get(rule, (0, 0, 0))
        if total != before:
            told[rule] = total
            found[rule] = (total[0] - before[0], total[1] - before[1], total[2] - before[2])
    return found
