"""Batches to the box: sent until confirmed, then asked after until counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from agent.wire.envelope import Ack
from agent.wire.transport import RetryLater
from appliance.importer.batches import Outgoing

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between attempts when the box names none."""
PATIENCE = 120.0
"""Seconds without one confirmed batch after which the import gives up."""
KEYS_AT_ONCE = 50
POLL = 0.3
"""Seconds between questions for the results."""


class GaveUp(RuntimeError):
    """The box did not take or did not finish a batch for PATIENCE seconds."""


class Gateway(Protocol):
    """What sends a batch: agent.wire.transport.Box."""

    def send_batch(self, key: str, body: bytes, records: int, sent_at: int) -> Ack:
        """Deliver one batch; raises RetryLater or Permanent."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, for waiting: a monotonic clock and a sleep in seconds, and the wall clock in microseconds."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    now: Callable[[], int]


@dataclass(slots=True)
class Totals:
    """What became of the records."""

    read: int = 0
    stored: int = 0
    known: int = 0
    dead: int = 0


def send(gateway: Gateway, batch: Outgoing, clock: Clock) -> None:
    """Send one batch until the box confirms it.

    Raises GaveUp after PATIENCE seconds, agent.wire.transport.Permanent when the box refuses it for good.
    """
    give_up = clock.monotonic() + PATIENCE
    wait = FIRST_WAIT
    while True:
        try:
            gateway.send_batch(batch.key, batch.body, batch.records, clock.now())
        except RetryLater as later:
            pause = min(later.seconds if later.seconds is not None else wait, LONGEST_WAIT)
            if clock.monotonic() + pause >= give_up:
                raise GaveUp(str(later)) from later
            clock.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return


def results(ask: Callable[[list[str]], list[dict[str, object]]], keys: Iterable[str], clock: Clock) -> Iterator[Totals]:
    """Yield the counts of each batch as the box finishes it.

    `ask` takes keys and returns `{"key", "read", "stored", "known", "dead"}` for those that are finished.
    Raises GaveUp when none was finished for PATIENCE seconds.
    """
    waiting = list(keys)
    give_up = clock.monotonic() + PATIENCE
    while waiting:
        answered = {str(item.get("key")): item for item in ask(waiting[:KEYS_AT_ONCE])}
        finished = [key for key in waiting if key in answered]
        for key in finished:
            yield Totals(*(_count(answered[key], name) for name in ("read", "stored", "known", "dead")))
        waiting = [key for key in waiting if key not in answered]
        if finished:
            give_up = clock.monotonic() + PATIENCE
        elif clock.monotonic() >= give_up:
            raise GaveUp(f"{len(waiting)} batches are not finished")
        if waiting:
            clock.sleep(POLL)


def _count(item: dict[str, object], name: str) -> int:
    value = item.get(name)
    return value if isinstance(value, int) else 0
