"""What is wrong with what the sensor sees: which reason is told, and which losses are entered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.wire.sending.sensor import Gap
from collector.conditions import AGAIN, CLOCK_KEPT, CROSSED, ENOUGH, KEPT, SILENT, Conditions, Sample
from collector.losses import CAUSES, REASONS, Losses

SECOND = 1_000_000
NOON = 1_790_000_000 * SECOND


def _told(*samples: dict[str, Any]) -> tuple[list[list[Gap]], str]:
    """Give samples a second apart (or `after` microseconds) with a frame each unless they say otherwise."""
    conditions, found = Conditions(), []
    sample = Sample(NOON, 0)
    conditions.take(sample)
    for changes in samples:
        span = changes.pop("after", SECOND)
        sample = replace(sample, at=sample.at + span, steady=sample.steady + span, frames=sample.frames + 1)
        sample = replace(sample, **changes)
        found.append(conditions.take(sample))
    return found, conditions.reason


def test_all_is_well() -> None:
    assert _told({}, {}) == ([[], []], "")


@pytest.mark.parametrize(
    ("field", "cause", "reason"),
    [("dropped", "capture_dropped", "drops"), ("missed", "card_missed", "card_missed")],
)
def test_lost_frames_are_a_gap_and_told_for_a_while(field: str, cause: str, reason: str) -> None:
    gap = Gap(cause, 7, NOON, NOON + SECOND)
    assert _told({field: 7}, {}) == ([[gap], []], f"sensor.reason.{reason}")
    assert _told({field: 7}, {"after": KEPT + 1}) == ([[gap], []], "")


@pytest.mark.parametrize("name", Losses._fields)
def test_what_the_sensor_passes_over_is_a_gap_where_events_are_missing_and_told_where_something_can_be_done(
    name: str,
) -> None:
    grown = {"losses": Losses(**{name: 7})}
    gaps = [Gap(CAUSES[name], 7, NOON, NOON + SECOND)] if name in CAUSES else []
    reason = f"sensor.reason.{name}" if name in REASONS else ""
    assert _told(grown, {}) == ([gaps, []], reason)
    assert _told(grown, {"after": KEPT + 1})[1] == ""


def test_what_was_not_entered_yet_is_entered_at_the_end() -> None:
    conditions, sample = Conditions(), Sample(NOON, 0)
    conditions.take(sample)
    for second, faults in ((1, 1), (2, 5)):
        conditions.take(replace(sample, at=NOON + second, steady=second, losses=Losses(faults=faults)))
    assert conditions.finish(NOON + 9) == [Gap("parser_faults", 4, NOON + 1, NOON + 9)]
    assert conditions.finish(NOON + 9) == []


def test_frames_that_are_cut_are_told() -> None:
    assert _told({"cut": 3}) == ([[]], "sensor.reason.cut")
    assert _told({"cut": 3}, {"after": KEPT})[1] == ""


def test_silence_is_entered_from_its_beginning_each_hour_and_at_its_end() -> None:
    still = {"frames": 1}
    found, reason = _told({}, still | {"after": SILENT}, still | {}, still | {"after": AGAIN}, still)
    began = NOON + SECOND
    first = Gap("capture_silent", 0, began, began + SILENT + SECOND)
    assert found == [[], [], [first], [Gap("capture_silent", 0, first.last, first.last + AGAIN)], []]
    assert reason == "sensor.reason.silent"
    found, reason = _told({}, still | {"after": SILENT + 1}, {"frames": 2})
    assert found[2] == [Gap("capture_silent", 0, found[1][0].last, found[1][0].last + SECOND)]
    assert reason == ""


def test_a_card_without_a_link_is_silent_at_once() -> None:
    found, reason = _told({"carrier": False})
    assert [gap.cause for gap in found[0]] == ["capture_silent"]
    assert reason == "sensor.reason.no_link"


def test_a_mirror_of_one_direction_is_a_loss_while_it_lasts() -> None:
    found, reason = _told({"one_way": True}, {}, {"one_way": False})
    assert [[gap.cause for gap in gaps] for gaps in found] == [["capture_one_way"], [], ["capture_one_way"]]
    assert reason == ""
    assert _told({"one_way": True})[1] == "sensor.reason.one_way"


def test_flows_that_come_in_two_vlans_are_told_without_a_loss() -> None:
    many = ENOUGH * CROSSED // 100
    assert _told({"sides": ENOUGH, "crossed": many}) == ([[]], "sensor.reason.vlans")
    assert _told({"sides": ENOUGH, "crossed": many - 1})[1] == ""
    assert _told({"sides": ENOUGH - 1, "crossed": many})[1] == ""
    assert _told({"sides": ENOUGH, "crossed": many}, {"sides": 2 * ENOUGH, "crossed": many})[1] == ""


@pytest.mark.parametrize("jump", [3 * SECOND, -3 * SECOND])
def test_a_clock_that_was_set_is_told_and_loses_nothing(jump: int) -> None:
    assert _told({"at": NOON + SECOND + jump}) == ([[]], "sensor.reason.clock")
    assert _told({"at": NOON + SECOND + jump}, {"after": CLOCK_KEPT})[1] == ""


def test_the_worst_is_told() -> None:
    everything = {"dropped": 1, "missed": 1, "cut": 1, "one_way": True, "sides": ENOUGH, "crossed": ENOUGH}
    assert _told(everything)[1] == "sensor.reason.one_way"
    assert _told(everything | {"one_way": False})[1] == "sensor.reason.card_missed"
    assert _told(everything | {"carrier": False})[1] == "sensor.reason.no_link"
