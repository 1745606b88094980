"""Group commit: one thread takes all batches that wait into one transaction of the journal."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future

import structlog

from appliance.journal import Appended, Journal, JournalFull, JournalUnavailable, NewBatch

MAX_GROUP = 256
MAX_GROUP_BYTES = 32 << 20
_Item = tuple[NewBatch, "Future[Appended]"]
log = structlog.get_logger()


class GroupWriter:
    """Appends batches; each future is done when its batch is on disk, or failed with the journal's error."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, batch: NewBatch) -> Future[Appended]:
        """Hand a batch over; it is written even when nobody waits for the answer any more."""
        future: Future[Appended] = Future()
        future.set_running_or_notify_cancel()
        self._waiting.put((batch, future))
        return future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            group = [item]
            last = self._gather(group)
            self._write(group)
            if last:
                return

    def _gather(self, group: list[_Item]) -> bool:
        """Add what waits already; say whether that was the last."""
        size = len(group[0][0].body)
        while len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return False
            if item is None:
                return True
            group.append(item)
            size += len(item[0].body)
        return False

    def _write(self, group: list[_Item]) -> None:
        try:
            answers = self._journal.append_many([batch for batch, _ in group])
        except JournalFull as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            # Some may fit, and some may be known already: each is asked for itself.
            for item in group:
                self._write([item])
        except JournalUnavailable as error:
            log.warning("journal_unavailable", reason=str(error))
            _fail(group, error)
        except Exception as error:
            log.exception("journal_writer_failed")
            _fail(group, error)
        else:
            for (_, future), answer in zip(group, answers, strict=True):
                future.set_result(answer)


def _fail(group: list[_Item], error: Exception) -> None:
    for _, future in group:
        future.set_exception(error)
