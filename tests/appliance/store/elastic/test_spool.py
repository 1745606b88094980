"""The spool's own bookkeeping; no node takes part."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.store import BatchResult, results
from appliance.store.elastic.spool import Spool


def test_results_are_forgotten_below_a_place_and_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "AT_ONCE", 3)
    monkeypatch.setattr(results, "ROUNDS", 2)
    spool = Spool(tmp_path / "spool.db", 1 << 20)
    spool.put([], [BatchResult(seq, "agent", 1, 1, 0, 0) for seq in range(10, 30)], 29, 1)
    assert [spool.forget_results(20) for _ in range(3)] == [6, 4, 0]
    assert sorted(spool.results(range(10, 30))) == list(range(20, 30))
    assert spool.applied() == 29
    spool.close()
