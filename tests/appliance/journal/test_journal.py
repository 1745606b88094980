"""The journal: durable, ordered, bounded, each batch once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clock import DAY
from appliance.journal import Journal, JournalFull, JournalUnavailable, NewBatch
from appliance.journal import journal as module

NOW = 1_790_000_000_000_000


def batch(key: str, body: bytes = b"body", source: str = "a", at: int = NOW) -> NewBatch:
    return NewBatch(source, key, at, at - 5, 3, body)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, 1 << 20)
    yield journal
    journal.close()


def test_batches_come_back_in_order_and_whole(journal: Journal) -> None:
    answers = journal.append_many([batch("1", b"x" * 9000), batch("2", source="b")])
    first, second = journal.read(0, 10, 1 << 20)
    assert [first.seq, second.seq] == [answer.seq for answer in answers]
    assert (first.body, first.key, first.received_at, first.sent_at, first.records) == (
        b"x" * 9000,
        "1",
        NOW,
        NOW - 5,
        3,
    )
    assert (second.source, second.key) == ("b", "2")
    assert [found.key for found in journal.read(first.seq, 10, 1 << 20)] == ["2"]


def test_a_key_is_taken_once_a_source_even_within_one_transaction(journal: Journal) -> None:
    first = journal.append_many([batch("1"), batch("1", b"other"), batch("1", source="b")])
    assert [answer.duplicate for answer in first] == [False, True, False]
    assert first[0].seq == first[1].seq
    assert [answer.duplicate for answer in journal.append_many([batch("1")])] == [True]
    assert [found.body for found in journal.read(0, 10, 1 << 20)] == [b"body", b"body"]


def test_source_and_key_do_not_run_together(journal: Journal) -> None:
    answers = journal.append_many([batch("bc", source="a"), batch("c", source="ab")])
    assert not any(answer.duplicate for answer in answers)


def test_reading_is_bounded_but_never_stuck(journal: Journal) -> None:
    journal.append_many([batch(str(number), b"x" * 1000) for number in range(10)])
    assert len(journal.read(0, 3, 1 << 20)) == 3
    assert len(journal.read(0, 10, 2500)) == 2
    assert len(journal.read(0, 10, 1)) == 1


def test_positions_are_never_used_again(journal: Journal, path: Path) -> None:
    last = journal.append_many([batch("1"), batch("2")])[-1].seq
    journal.forget(last)
    again = Journal(path, 1 << 20)
    assert again.append_many([batch("3")])[0].seq > last
    again.close()


def test_keys_outlive_their_bodies(journal: Journal) -> None:
    seq = journal.append_many([batch("1")])[0].seq
    journal.forget(seq)
    assert journal.read(0, 10, 1 << 20) == []
    assert journal.append_many([batch("1")])[0].duplicate
    assert journal.depth() == module.Depth(0, 0, None)


def test_old_keys_go_but_neither_the_newest_nor_those_that_wait(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEYS_KEPT", 2)
    seqs = [answer.seq for answer in journal.append_many([batch(str(n), at=NOW - 40 * DAY) for n in range(5)])]
    journal.forget(seqs[1])
    assert journal.forget_keys(NOW - 30 * DAY) == 2
    answers = journal.append_many([batch(str(n)) for n in range(5)])
    assert [answer.duplicate for answer in answers] == [False, False, True, True, True]


def test_the_floor_is_the_oldest_batch_whose_key_is_known(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr(module, "KEYS_KEPT", 2)
    assert journal.floor() == 0
    seqs = [answer.seq for answer in journal.append_many([batch(str(n), at=NOW - 40 * DAY) for n in range(9)])]
    assert journal.floor() == 0
    journal.forget(seqs[4])
    journal.forget_keys(NOW - 30 * DAY)
    assert journal.floor() == seqs[5]
    journal.forget(seqs[-1])
    journal.forget_keys(NOW - 30 * DAY)
    again = Journal(path, 1 << 20)
    assert again.floor() == seqs[-2]
    again.close()


def test_a_full_journal_takes_nothing_new_but_knows_the_old(path: Path) -> None:
    journal = Journal(path, 1000)
    seq = journal.append_many([batch("1", b"x" * 600)])[0].seq
    with pytest.raises(JournalFull):
        journal.append_many([batch("2", b"x" * 10), batch("3", b"x" * 600)])
    assert [found.key for found in journal.read(0, 10, 1 << 20)] == ["1"]
    assert journal.append_many([batch("1", b"x" * 600)])[0].duplicate
    journal.forget(seq)
    assert not journal.append_many([batch("2", b"x" * 600)])[0].duplicate
    journal.close()


def test_empty_bodies_are_bounded_too(path: Path) -> None:
    journal = Journal(path, 1000)
    with pytest.raises(JournalFull):
        journal.append_many([batch(str(number), b"") for number in range(10)])
    journal.close()


def test_depth_says_what_waits(journal: Journal) -> None:
    journal.append_many([batch("1", b"12345", at=NOW), batch("2", b"1", at=NOW - DAY)])
    assert journal.depth() == module.Depth(2, 6 + 2 * module.OVERHEAD, NOW)


def test_another_process_change_is_seen_once(journal: Journal, path: Path) -> None:
    other = Journal(path, 1 << 20)
    assert journal.changed()
    assert not journal.changed()
    other.append_many([batch("1")])
    assert journal.changed()
    assert not journal.changed()
    other.close()


def test_reader_and_writers_at_once_lose_and_double_nothing(journal: Journal, path: Path) -> None:
    def write(name: str) -> None:
        writer = Journal(path, 1 << 30)
        for number in range(30):
            writer.append_many([batch(f"{number}", source=name)])
        writer.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    seen: list[tuple[str, str]] = []
    cursor = 0
    while len(seen) < 60:
        for found in journal.read(cursor, 7, 1 << 20):
            seen.append((found.source, found.key))
            cursor = found.seq
        journal.forget(cursor)
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted((name, str(number)) for name in "ab" for number in range(30))


@pytest.mark.parametrize("content", [b"rubbish" * 1000, None], ids=["not a database", "torn"])
def test_a_damaged_file_is_named_with_what_to_do(path: Path, content: bytes | None) -> None:
    journal = Journal(path, 1 << 30)
    journal.append_many([batch(str(number), b"x" * 9000) for number in range(50)])
    journal.close()
    if content is None:
        whole = bytearray(path.read_bytes())
        whole[100 : len(whole)] = b"\xff" * (len(whole) - 100)
        content = bytes(whole)
    path.write_bytes(content)
    with pytest.raises(JournalUnavailable, match=r"journal\.db jest uszkodzony"):
        Journal(path, 1 << 30)


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="Sprawdź dysk"):
        Journal(tmp_path, 1 << 20)


def test_a_full_disk_is_one_clear_error_and_costs_nothing_that_was_taken(journal: Journal) -> None:
    journal.append_many([batch("1")])
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(JournalUnavailable, match="nie ma miejsca"):
        journal.append_many([batch("2", b"x" * 200_000)])
    journal._connection.execute("PRAGMA max_page_count=1000000")
    assert not journal.append_many([batch("2", b"x" * 200_000)])[0].duplicate
    assert [found.key for found in journal.read(0, 10, 1 << 20)] == ["1", "2"]


def test_free_space_goes_back_to_the_disk(journal: Journal, path: Path) -> None:
    seq = journal.append_many([batch("1", b"x" * 900_000)])[0].seq
    journal.forget(seq)
    journal.shrink()
    pages = sqlite3.connect(path)
    assert pages.execute("PRAGMA freelist_count").fetchone()[0] == 0
    pages.close()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=4),
            st.integers(0, 12),
        ),
        max_size=12,
    )
)
def test_it_behaves_as_its_model(tmp_path_factory: pytest.TempPathFactory, steps: list[object]) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.db", 1 << 20)
    waiting: dict[int, tuple[str, int]] = {}
    known: set[tuple[str, int]] = set()
    for step in steps:
        if isinstance(step, list):
            answers = journal.append_many([batch(str(key), source=source) for source, key in step])
            for name, answer in zip(step, answers, strict=True):
                assert answer.duplicate == (name in known)
                if name not in known:
                    known.add(name)
                    waiting[answer.seq] = name
        elif isinstance(step, int):
            journal.forget(step)
            waiting = {seq: name for seq, name in waiting.items() if seq > step}
        found = journal.read(0, 1000, 1 << 30)
        assert [(one.seq, (one.source, int(one.key))) for one in found] == sorted(waiting.items())
        assert journal.depth().batches == len(waiting)
    journal.close()
