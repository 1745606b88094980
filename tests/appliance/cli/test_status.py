"""What `czujka status` says beside its tables: words and times, no raw numbers."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.cli.status import lines

STATUS: dict[str, Any] = {
    "alerts": {"new": 1, "received": 2, "in_progress": 3, "closed": 4},
    "journal": {"batches": 5, "bytes": 1245, "lag_us": 90_000_000},
    "dead_letters": {"count": 6, "dropped": 7},
    "losses": {"day": 8, "month": 9},
    "rules": {"loaded": 425, "faults": 0},
    "messages": {"waiting": 10, "delivered": 11, "failed": 12},
    "store": {
        "events": 1_473_000,
        "bytes": 264_080,
        "segments": 6,
        "oldest": 1_497_036_086_968_669,
        "newest": 1_795_338_119_774_810,
    },
}


def _said(status: dict[str, Any]) -> list[str]:
    return [line.replace("\u00a0", " ") for line in lines(status)]


def test_sizes_and_times_are_written_for_people() -> None:
    said = _said(STATUS)
    assert "Kolejka zapisu: paczki 5, na dysku 1,2 kB, opóźnienie 1 min" in said
    assert said[-1] == "Historia zdarzeń: 1 473 000, na dysku 264 kB, od 09.06.2017, 21:21 do 22.11.2026, 10:01"


@pytest.mark.parametrize("missing", ["oldest", "newest"])
def test_an_empty_history_has_no_times(missing: str) -> None:
    said = _said({**STATUS, "store": {**STATUS["store"], "events": 0, "bytes": 0, missing: None}})
    assert said[-1] == "Historia zdarzeń: 0, na dysku 0 B"


def test_a_cluster_that_is_away_is_told_in_words() -> None:
    waiting = {"events": 34_000, "bytes": 3_000_000, "lasts_us": 60 * 3_600_000_000, "reason": "Nie ma połączenia"}
    said = _said({**STATUS, "store": None, "waiting": waiting})
    assert "Historia zdarzeń: nie odpowiada. Alerty działają, a zdarzenia czekają na dysku." in said
    (cluster,) = [line for line in said if line.startswith("Klaster: ")]
    assert "34 000" in cluster
    assert cluster.endswith("miejsca starczy na 60 godz.")
    assert "Klaster nie przyjmuje zdarzeń: Nie ma połączenia" in said


def test_nothing_is_said_of_a_cluster_that_is_not() -> None:
    assert not [line for line in _said({**STATUS, "waiting": None}) if "Klaster" in line]
