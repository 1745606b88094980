"""What the pipeline's process tells of itself, and who reads it."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from appliance.pipeline.pipeline import Counters
from appliance.web.pages.health import details


@pytest.mark.parametrize("name", ["records", "stored", "known", "dead", "alerts", "failed_matches"])
def test_the_counters_that_the_console_reads_are_told(name: str) -> None:
    assert name in asdict(Counters())


def test_a_counter_by_kind_is_shown_as_its_sum() -> None:
    assert details({"runs": {"deliver": 3, "tidy": 4}, "tried": 1}) == [("runs", 7), ("tried", 1)]
