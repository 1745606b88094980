"""Two machines under one certificate are told from one that starts anew."""

from __future__ import annotations

import pytest

from appliance.intake.streams import MOST_AGENTS, MOST_STREAMS, Streams


def said(keys: str) -> list[bool]:
    """Put batches to it: each letter is a machine's boot, with the spool that came with the disk."""
    streams = Streams()
    return [streams.two("agent", f"{letter}:spool:{number}") for number, letter in enumerate(keys)]


@pytest.mark.parametrize("keys", ["AAAA", "AABBCCC", "ABCDEFG", "AABA", "ABBBBAAAA"])
def test_one_machine_goes_on(keys: str) -> None:
    assert not any(said(keys))


@pytest.mark.parametrize("keys", ["ABAB", "AAABBABB", "ABCABC", "ABCCCAB"])
def test_two_machines_go_to_and_fro(keys: str) -> None:
    assert any(said(keys))


def test_after_a_decision_it_takes_as_much_again() -> None:
    assert said("ABABAB") == [False, False, False, True, False, False]


def test_agents_are_told_apart_and_other_keys_say_nothing() -> None:
    streams = Streams()
    assert not any(streams.two(f"agent{n % 2}", f"{'AB'[n % 2]}:s:{n}") for n in range(20))
    assert not any(streams.two("agent", key) for key in ("a", "b", "a", "b", "", ":", "a:1", "b:1", "a:1"))


def test_what_is_remembered_is_bounded() -> None:
    streams = Streams()
    for number in range(MOST_AGENTS + 10):
        streams.two(f"agent{number}", "A:s:1")
    for number in range(MOST_STREAMS + 50):
        streams.two("agent", f"{number}:s:1")
    assert len(streams._agents) == MOST_AGENTS
    assert len(streams._agents["agent"].before) == MOST_STREAMS
