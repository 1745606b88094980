"""Dead letters: kept once, bounded, listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.journal import DeadLetter, DeadLetters, JournalUnavailable
from appliance.journal.deadletters import MAX_ORIGINAL, MAX_REASON


def letter(seq: int = 1, line: int = 0, original: bytes = b"\xff\x00rubbish", reason: str = "not JSON") -> DeadLetter:
    return DeadLetter("agent", seq, line, reason, original, 5)


@pytest.fixture
def letters(tmp_path: Path) -> Iterator[DeadLetters]:
    letters = DeadLetters(tmp_path / "dead.db", max_bytes=1000)
    yield letters
    letters.close()


def test_bytes_and_reason_are_kept(letters: DeadLetters) -> None:
    letters.add([letter()])
    (kept,) = letters.list()
    assert (kept.source, kept.batch_seq, kept.line_no, kept.reason, kept.original, kept.at) == (
        ("agent", 1, 0, "not JSON", b"\xff\x00rubbish", 5)
    )
    assert letters.get(kept.id) == kept
    assert letters.get(kept.id + 1) is None


def test_a_record_has_one_letter_however_often_it_is_replayed(letters: DeadLetters) -> None:
    letters.add([letter(), letter(reason="again"), letter(line=1)])
    letters.add([letter()])
    assert letters.count() == 2
    assert [kept.reason for kept in letters.list()] == ["not JSON", "not JSON"]


def test_pages_go_both_ways(letters: DeadLetters) -> None:
    letters.add([letter(line=number) for number in range(5)])
    first = letters.list(limit=2)
    assert [kept.line_no for kept in [*first, *letters.list(first[-1].id)]] == [0, 1, 2, 3, 4]
    newest = letters.newest(limit=2)
    assert [kept.line_no for kept in [*newest, *letters.newest(newest[-1].id)]] == [4, 3, 2, 1, 0]


def test_past_the_bound_the_oldest_go_and_are_counted(letters: DeadLetters) -> None:
    letters.add([letter(line=number, original=b"x" * 300) for number in range(5)])
    assert [kept.line_no for kept in letters.list()] == [2, 3, 4]
    assert (letters.count(), letters.dropped()) == (3, 2)


def test_long_originals_and_reasons_are_cut(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db")
    letters.add([letter(original=b"x" * (MAX_ORIGINAL + 1), reason="y" * (MAX_REASON + 1))])
    (kept,) = letters.list()
    assert (len(kept.original), len(kept.reason)) == (MAX_ORIGINAL, MAX_REASON)
    letters.close()


def test_a_reason_may_hold_a_lone_surrogate(letters: DeadLetters) -> None:
    letters.add([letter(reason="bad \ud800 sign")])
    assert letters.list()[0].reason == "bad ? sign"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dead.db"
    path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(JournalUnavailable, match=r"dead\.db jest uszkodzony"):
        DeadLetters(path)
