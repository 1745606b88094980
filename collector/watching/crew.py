"""Several processes that share the flows of the cards, and who looks after them.

The kernel gives both directions of a flow to the same one (PACKET_FANOUT_HASH). A worker that dies or says nothing is
replaced; what its flows were is lost, and flows of the others may go on with another one: they are told in two parts.
"""

from __future__ import annotations

import multiprocessing
import secrets
import select
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing.context import SpawnProcess

from agent.wire.sending.sensor import Gap, SensorLost
from collector.analysers.analysis import Analysis
from collector.analysers.model import Analyser, notice
from collector.heads.head import Entry
from collector.settings import Settings
from collector.slices.claim import Claim, claim_of
from collector.watching.model import Totals, added
from collector.watching.worker import FINISH, JOIN, Flagged, Word, work

MAX_WORKERS = 16
HUNG = 10.0
"""Seconds of silence after which a worker is taken to hang; one that lives says so every second."""
BEGINS = 30.0
"""Seconds in which a worker must have begun."""
SOON = 5.0
"""Seconds after its beginning in which a worker that ends would only end again."""
_WORDS = 64
"""Words of a worker that one reading takes."""
_FINISHES = 5.0
_PROCESSES = multiprocessing.get_context("spawn")


class _Worker:
    """One process, and what it has said."""

    def __init__(self, interfaces: Sequence[str], settings: Settings, groups: Sequence[int]) -> None:
        self.connection, theirs = _PROCESSES.Pipe()
        self.process: SpawnProcess = _PROCESSES.Process(
            target=work, args=(theirs, interfaces, settings, groups), daemon=True
        )
        self.process.start()
        theirs.close()
        self.began = self.heard = time.monotonic()
        self.heard_at = time.time_ns() // 1000
        self.totals = Totals()
        self.ended = self.begun = self.joins = False

    def join(self) -> None:
        """Let the worker listen at the cards; what it has to load it loads before."""
        self.joins = True
        with suppress(OSError):  # it has died; that is seen when its end is read
            self.connection.send(JOIN)

    def begin(self) -> None:
        """Let the worker listen and wait for its first word; raises OSError."""
        if self.begun:
            return
        if not self.joins:
            self.join()
        word = self.word() if self.connection.poll(BEGINS) else None
        if word is None or word.error is not None:
            raise OSError(*(word.error if word and word.error else (0, "a worker did not begin")))

    def word(self) -> Word | None:
        """Return the next word, None when it has ended; waits for it."""
        try:
            word = self.connection.recv()
        except (EOFError, OSError):
            self.ended = True
            return None
        assert isinstance(word, Word)
        if not self.begun:  # to start may take long
            self.begun, self.began = True, time.monotonic()
        self.heard, self.heard_at, self.totals = time.monotonic(), time.time_ns() // 1000, word.totals
        return word

    @property
    def hangs(self) -> bool:
        return time.monotonic() - self.heard > HUNG and not self.connection.poll()

    def told(self, what: Flagged | Claim) -> bool:
        """Tell this worker what to keep: the rest of a flow of its own, an address's frames; False when it is deaf now.

        Whoever starts workers never waits for one: it may wait at the same moment to say something.
        """
        if not select.select([], [self.connection], [], 0)[1]:
            return False
        try:
            self.connection.send(what)
        except OSError:
            return False  # it has died; that is seen when its end is read
        return True

    def stop(self) -> None:
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.process.close()
        self.connection.close()


class Crew:
    """Keeps so many workers watching; analysers see what all of them tell."""

    def __init__(
        self, interfaces: Sequence[str], settings: Settings, analysers: Iterable[Analyser], count: int
    ) -> None:
        self._arguments = (tuple(interfaces), settings)
        self.analysis = Analysis(analysers)
        self._count = count
        self._workers: list[_Worker] = []
        self._groups: list[int] = []
        self._gone = Totals()
        self._keeping = settings.slices is not None
        self.unflagged = 0
        """Noticed flows and addresses of which a worker could not be told to keep the packets."""
        self._poll: select.epoll | None = None

    def open(self) -> None:
        """Start the workers and wait until all listen; raises OSError."""
        first = secrets.randbelow(1 << 16)
        self._groups = [(first + number) % (1 << 16) for number in range(len(self._arguments[0]))]
        self._poll = select.epoll()
        self._workers = [_Worker(*self._arguments, self._groups) for _ in range(self._count)]
        self.begun()
        for worker in self._workers:
            self._poll.register(worker.connection.fileno(), select.EPOLLIN)

    def begun(self) -> None:
        """Let the workers listen one after the other and wait until all do; raises OSError.

        The kernel counts those who share a card in the order of their joining: only where that is the same at every
        card, the two directions of a flow meet in one worker.
        """
        for worker in self._workers:
            worker.begin()

    def fileno(self) -> int:
        """Return what becomes readable when a worker says something."""
        assert self._poll is not None
        return self._poll.fileno()

    def read(self) -> list[Entry]:
        """Take what the workers have said."""
        found: list[Entry] = []
        for worker in self._workers:
            for _ in range(_WORDS):
                if worker.ended or not worker.connection.poll():
                    break
                if word := worker.word():
                    found += self._analysed(word.entries, worker)
        return found

    def tick(self) -> list[Entry | Gap]:
        """Replace workers that died or hang; raises SensorLost when a new one would fare no better."""
        found: list[Entry | Gap] = [*self.analysis.tick(time.time_ns() // 1000)]
        for place, worker in enumerate(self._workers):
            dead = worker.ended or not worker.process.is_alive()
            if dead and not worker.ended and worker.connection.poll():
                continue  # its last words are read first
            if dead or worker.hangs:
                found += self._replace(place, "Sensor::Worker_Died" if dead else "Sensor::Worker_Hung")
        self._next_joins()
        return found

    def _next_joins(self) -> None:
        """Let the next new worker listen when the one before it does."""
        coming = [worker for worker in self._workers if not worker.begun]
        if coming and not any(worker.joins for worker in coming):
            coming[0].join()

    def _replace(self, place: int, note: str) -> list[Entry | Gap]:
        worker, now = self._workers[place], time.time_ns() // 1000
        soon = time.monotonic() - worker.began < SOON
        self._gone = added((self._gone, worker.totals))._replace(full=0)
        assert self._poll is not None
        with suppress(OSError):
            self._poll.unregister(worker.connection.fileno())
        worker.stop()
        if soon:
            del self._workers[place]
            raise SensorLost("workers_die", SOON)
        fresh = self._workers[place] = _Worker(*self._arguments, self._groups)
        self._poll.register(fresh.connection.fileno(), select.EPOLLIN)
        told = Entry(notice(note, now, {"n": place + 1}), "", None)
        found = self._analysed([told], fresh)
        return [*found, Gap("worker_replaced", 0, min(worker.heard_at, now), now)]

    def _analysed(self, entries: Iterable[Entry], worker: _Worker) -> list[Entry]:
        """Return what a worker tells and what analysers notice in it; it keeps the flows of which they tell."""
        found: list[Entry] = []
        for entry in entries:
            found.append(entry)
            for noticed in self.analysis.see(entry):
                found.append(noticed)
                if self._keeping:
                    self._keep(noticed, worker)
        return found

    def _keep(self, noticed: Entry, worker: _Worker) -> None:
        """Let the packets be kept that a notice is about; any worker may have frames of an address."""
        if (claim := claim_of(noticed.log)) is not None:
            deaf = [one for one in self._workers if not one.told(claim)]
        elif noticed.flow is not None:
            deaf = [] if worker.told(Flagged(noticed.uid, noticed.flow)) else [worker]
        else:
            return
        self.unflagged += bool(deaf)

    def totals(self) -> Totals:
        """Return the sum of what all workers have counted, those that are gone too."""
        totals = added((self._gone, *(worker.totals for worker in self._workers)))
        return totals._replace(losses=totals.losses._replace(unflagged=self.unflagged))

    def finish(self) -> list[Entry]:
        """Let all workers tell what they hold."""
        for worker in self._workers:
            with suppress(OSError):
                worker.connection.send(FINISH)
        until = time.monotonic() + _FINISHES
        return [entry for worker in self._workers for entry in self._rest(worker, until)]

    def _rest(self, worker: _Worker, until: float) -> list[Entry]:
        found: list[Entry] = []
        while worker.connection.poll(max(0.0, until - time.monotonic())):
            word = worker.word()
            if word is None:
                break
            found += self._analysed(word.entries, worker)
            if word.last:
                break
        return found

    def close(self) -> None:
        """End all workers."""
        self._gone = self.totals()._replace(full=0)
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
        if self._poll is not None:
            self._poll.close()
            self._poll = None

    def processes(self) -> list[int]:
        """Return the workers' process ids."""
        return [worker.process.pid or 0 for worker in self._workers]
