"""What is remembered of files."""

from __future__ import annotations

import resource
import sqlite3
from pathlib import Path

import pytest

from agent.fim import baseline as remembering
from agent.fim.baseline import Baseline
from agent.fim.entries import Entry

ENTRY = Entry(0o100644, 5, 1, 2, 3, 4, 5, "ab" * 32, "")
STRANGE = "/etc/caf\udce9"


def test_an_entry_comes_back_as_it_was_whatever_its_name(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "fim.db")
    link = ENTRY._replace(sha256="", target="/caf\udce9")
    assert baseline.put("/etc/a", ENTRY, 1)
    assert baseline.put(STRANGE, link, 1)
    assert baseline.get("/etc/a") == ENTRY
    assert baseline.get(STRANGE) == link._replace(target="/caf\\udce9")
    assert baseline.get("/etc/b") is None
    assert (tmp_path / "fim.db").stat().st_mode & 0o777 == 0o600


def test_only_what_was_committed_is_there_again(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "fim.db")
    name = baseline.name
    baseline.put("/a", ENTRY, 1)
    baseline.commit()
    baseline.put("/b", ENTRY, 1)
    baseline.drop("/a")
    assert len(baseline) == 1
    baseline.close()
    again = Baseline(tmp_path / "fim.db")
    assert (again.get("/a"), again.get("/b"), len(again), again.name) == (ENTRY, None, 1, name)


def test_a_round_knows_what_it_did_not_come_by(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "fim.db")
    assert baseline.fresh
    number = baseline.next_round()
    for path in ("/a", "/b"):
        baseline.put(path, ENTRY, number)
    baseline.finish_round(7)
    assert not baseline.fresh
    assert baseline.finished == 7
    following = baseline.next_round()
    assert following == number + 1
    baseline.seen("/a", following)
    assert list(baseline.unseen(following)) == ["/b"]


def test_what_lies_below_a_folder(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "fim.db")
    for path in ("/a", "/a/b", "/a/b/c", "/ab", "/a-b", "/a0"):
        baseline.put(path, ENTRY, 1)
    assert list(baseline.below("/a")) == ["/a/b", "/a/b/c"]


def test_entries_are_bounded_but_known_ones_still_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "MAX_ENTRIES", 2)
    baseline = Baseline(tmp_path / "fim.db")
    assert [baseline.put(f"/{n}", ENTRY, 1) for n in range(3)] == [True, True, False]
    assert baseline.put("/0", ENTRY._replace(size=9), 2)
    baseline.drop("/1")
    assert baseline.put("/2", ENTRY, 2)
    assert len(baseline) == 2


def test_a_damaged_file_is_set_aside_and_taken_anew(tmp_path: Path) -> None:
    for _ in range(4):
        (tmp_path / "fim.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
        baseline = Baseline(tmp_path / "fim.db")
        assert baseline.fresh
        assert baseline.damaged is not None
        baseline.close()
    assert len(list(tmp_path.glob("fim.db.damaged-*"))) == 2
    whole = Baseline(tmp_path / "fim.db")
    assert whole.damaged is None
    whole.close()


def test_damage_deep_in_the_file_is_found_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "fim.db"
    baseline = Baseline(path)
    for number in range(500):
        baseline.put(f"/etc/{number}", ENTRY, 1)
    baseline.finish_round(7)
    baseline.commit()
    baseline.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 4096)
        file.write(bytes(4096))
    again = Baseline(path)
    assert again.fresh
    assert again.damaged is not None
    again.close()


def test_a_full_disk_at_the_start_does_not_cost_what_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "fim.db"
    baseline = Baseline(path)
    baseline.put("/etc/a", ENTRY, 1)
    baseline.finish_round(7)
    baseline.commit()
    baseline.close()
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, bounds[1]))
    try:
        with pytest.raises(sqlite3.OperationalError):
            Baseline(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)
    again = Baseline(path)
    assert (again.finished, again.get("/etc/a"), again.damaged) == (7, ENTRY, None)
    again.close()


def test_numbers_that_a_file_system_may_give_are_kept_and_others_break_nothing(tmp_path: Path) -> None:
    baseline = Baseline(tmp_path / "fim.db")
    large = ENTRY._replace(inode=(1 << 64) - 1, rights="O:BAD:(A;;FA;;;SY)")
    assert baseline.put("/etc/a", large, 1)
    assert baseline.get("/etc/a") == large
    assert baseline.put("/etc/b", ENTRY._replace(mtime=1 << 70, ctime=-(1 << 70)), 1)
    assert baseline.get("/etc/b") is not None


def test_a_file_of_a_version_without_windows_rights_is_read_on(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "fim.db")
    database.executescript(remembering._SCHEMA.replace(", rights TEXT NOT NULL DEFAULT ''", ""))
    database.close()
    for _ in range(2):
        baseline = Baseline(tmp_path / "fim.db")
        assert baseline.put("/etc/a", ENTRY._replace(rights="O:BA"), 1)
        assert baseline.get("/etc/a") == ENTRY._replace(rights="O:BA")
        baseline.close()
