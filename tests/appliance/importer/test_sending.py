"""Batches are sent until they are confirmed and counted, or given up in time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agent.wire.envelope import Ack
from agent.wire.transport import Permanent, RetryLater
from appliance.importer.batches import Outgoing
from appliance.importer.sending import PATIENCE, Clock, GaveUp, Totals, results, send

BATCH = Outgoing("import:a:0", b"body", 3)


@dataclass
class Hands:
    """A clock that moves only when somebody sleeps."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.at, self.sleep, lambda: int(self.at * 1e6))


@dataclass
class Gate:
    """A gateway that gives the answers it was told."""

    answers: list[Exception | Ack]
    keys: list[str] = field(default_factory=list)

    def send_batch(self, key: str, body: bytes, records: int, sent_at: int) -> Ack:
        assert (body, records) == (BATCH.body, BATCH.records)
        assert sent_at >= 0
        self.keys.append(key)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_retry_after_is_obeyed_and_the_key_stays() -> None:
    hands = Hands()
    gate = Gate([RetryLater("full", 7.0), RetryLater("full"), RetryLater("full"), Ack(3, duplicate=True)])
    send(gate, BATCH, hands.clock())
    assert hands.slept == [7.0, 1.0, 2.0]
    assert set(gate.keys) == {BATCH.key}


def test_a_box_that_never_takes_it_is_given_up() -> None:
    hands = Hands()
    with pytest.raises(GaveUp):
        send(Gate([RetryLater("full")]), BATCH, hands.clock())
    assert PATIENCE / 2 < hands.at <= PATIENCE


def test_a_refusal_is_final() -> None:
    with pytest.raises(Permanent):
        send(Gate([Permanent(413, "too big")]), BATCH, Hands().clock())


def test_results_are_asked_for_until_all_are_there() -> None:
    hands = Hands()
    done: dict[str, int] = {"a": 0, "b": 1, "c": 3}

    def ask(keys: list[str]) -> list[dict[str, object]]:
        finished = [key for key in keys if len(hands.slept) >= done[key]]
        return [{"key": key, "read": 4, "stored": 1, "known": 2, "dead": 1} for key in finished]

    parts = list(results(ask, done, hands.clock()))
    assert parts == [Totals(4, 1, 2, 1)] * 3
    assert len(hands.slept) == 3


def test_results_that_never_come_are_given_up() -> None:
    with pytest.raises(GaveUp):
        list(results(lambda _: [], ["a"], Hands().clock()))
