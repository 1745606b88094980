"""What a sensor brings when it is asked for a flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.wire.envelope import OUTCOMES
from agent.wire.sending.home import AgentHome
from collector.slices import sending
from collector.slices.files import INDEX, segments, slices_of
from collector.slices.ring import Slices
from collector.slices.sending import cut_apart
from tests.collector.packets import batch, frames_of
from tests.collector.slices.test_slices import ROOMY, there, watched


@pytest.fixture
def home(tmp_path: Path) -> AgentHome:
    return AgentHome(tmp_path)


def test_all_of_a_flow_its_beginning_or_nothing(home: AgentHome, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [there(1, 1000) for _ in range(9)]
    uids = watched(Slices(slices_of(home), ROOMY), [batch(frames)])
    outcome, content = cut_apart(home, uids[1])
    assert (outcome, [frame for _, frame, _, _ in frames_of(content)[0]]) == ("whole", frames)
    assert cut_apart(home, "CnobodyKnowsIt123") == ("none", b"")
    monkeypatch.setattr(sending, "MAX_SLICE", 4000)
    outcome, content = cut_apart(home, uids[1])
    assert outcome == "cut"
    assert [frame for _, frame, _, _ in frames_of(content)[0]] == frames[:3]
    assert len(content) <= 4200


def test_a_ring_that_cannot_be_read_or_takes_too_long_is_said(home: AgentHome, monkeypatch: pytest.MonkeyPatch) -> None:
    uids = watched(Slices(slices_of(home), ROOMY), [batch([there(1)])])
    monkeypatch.setattr(sending, "SECONDS", 0.01)
    assert cut_apart(home, uids[1]) == ("failed", b"")
    monkeypatch.undo()
    (data,) = segments(slices_of(home))
    data.with_suffix(INDEX).unlink()
    data.with_suffix(INDEX).mkdir()
    assert cut_apart(home, uids[1]) == ("failed", b"")
    assert {"whole", "cut", "none", "failed"} == set(OUTCOMES)
