"""The state machine by its table, its file, and what must hold for any life of a version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.update.state import (
    LONGEST,
    TRIAL,
    TRIES,
    State,
    ended,
    installed,
    looked,
    offered,
    read,
    running,
    started,
    write,
)
from agent.wire.update import is_version, later
from tests.agent.update.cases import Case, cases

VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){2}", fullmatch=True)
STATES = st.builds(
    State, st.just("") | VERSIONS, st.just("") | VERSIONS, st.integers(0, 99), st.integers(0, 9999),
    st.just("") | VERSIONS, st.sampled_from(["", "crashed", "silent"]),
)  # fmt: skip


def step(state: State, event: list[str]) -> State:
    name, *words = event
    if name == "start":
        return started(state, words[0])
    if name == "look":
        return looked(state, words[0], words[1], int(words[2]))
    if name == "end":
        return ended(state, words[0], words[1], int(words[2]), asked=words[3] == "asked")
    return {"installed": installed, "offered": offered}[name](state, words[0])


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{'/'.join(map(str, case.before))} {' '.join(case.event)}")
def test_each_case_of_the_table(case: Case) -> None:
    assert step(case.before, case.event) == case.after


@given(st.lists(st.tuples(st.sampled_from(["start", "end", "asked"]), st.integers(0, 700)), max_size=60))
def test_a_version_that_is_never_heard_runs_at_most_its_tries_and_its_time(life: list[tuple[str, int]]) -> None:
    state, starts, asked = offered(State("1.0.0"), "2.0.0"), 0, 0
    for event, elapsed in life:
        ran = running(state)
        if event == "start":
            state = started(state, "")
            starts += running(state) == "2.0.0"
        else:
            asked += event == "asked"
            state = looked(state, "", ran, elapsed)
            state = ended(state, "", ran, elapsed, asked=event == "asked")
    assert state.current == "1.0.0"
    assert starts <= TRIES + asked
    assert state.spent <= TRIAL


@given(STATES)
def test_the_file_keeps_a_state(state: State) -> None:
    assert read(write(state)) == state


@pytest.mark.parametrize("text", ["", "current", "current=../../etc\npending=1.2\ntries=-1\nspent=9999999\nreason=x\n"])
def test_a_damaged_file_is_the_beginning(text: str) -> None:
    assert read(text) == State()


def test_a_file_without_end_is_read_to_its_bound() -> None:
    assert read("x" * LONGEST + "\ncurrent=1.2.3\n") == State()


@pytest.mark.parametrize(
    ("text", "good"),
    [("1.2.3", True), ("99999.0.0", True), ("1.2", False), ("1.2.3.4", False), ("1.2.3\n", False), ("../1.2.3", False)],
)
def test_only_a_version_is_one(text: str, good: bool) -> None:
    assert is_version(text) is good


def test_versions_are_compared_by_numbers() -> None:
    assert later("1.10.0", "1.9.9")
    assert not later("1.2.3", "1.2.3")
