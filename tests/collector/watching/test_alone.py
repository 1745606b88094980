"""The sensor at a real virtual card, with no right but the one that it needs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest

from tests.collector.cards import QUESTION, pair_of_cards
from tests.collector.replay import send
from tests.collector.watching.nobody import NET_RAW, NOBODY, watch

ONE, OTHER = "czt-alone0", "czt-alone1"


@pytest.fixture
def cards() -> Iterator[None]:
    with pair_of_cards(ONE, OTHER):
        yield


@pytest.mark.root
def test_a_user_with_one_capability_can_watch(cards: None) -> None:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=watch, args=(ONE, theirs), daemon=True)
    process.start()
    assert ours.poll(60)
    assert ours.recv() == "open"
    send(OTHER, [QUESTION])
    assert ours.poll(60)
    paths, capabilities, users = ours.recv()
    process.join(10)
    assert (sorted(paths), int(capabilities, 16), set(users)) == (["conn", "dns"], NET_RAW, {str(NOBODY)})
