"""Batches and their parts."""

from __future__ import annotations

from collector.capture.batch import Link, batch_of


def test_a_batch_is_split_where_it_lasts_too_long_or_goes_back() -> None:
    batch = batch_of([b"x"] * 6, [0, 5, 10, 11, 50, 2], Link.ETHERNET)
    assert [part.at.tolist() for part in batch.split(10)] == [[0, 5, 10], [11], [50], [2]]


def test_an_empty_batch_has_no_parts() -> None:
    assert list(batch_of([], [], Link.ETHERNET).split(10)) == []
