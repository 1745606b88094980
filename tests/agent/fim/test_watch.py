"""Rounds and reported paths: each change once, none unseen, all of it bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.fim import watch as watching
from agent.fim.baseline import Baseline
from agent.fim.entries import Entry
from agent.fim.look import look
from agent.fim.places import Place, Places
from agent.fim.watch import SETTLE, TREE_EVERY, TREE_SETTLE, Finding, Watch, Who, moved_from

WHO = Who(7, "/usr/bin/tee")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A watched folder; with its baseline taken, unless the first look is still to come."""

    def __init__(self, folder: Path, *, looked: bool = True) -> None:
        self.folder = folder / "watched"
        self.folder.mkdir()
        (self.folder / "old").write_text("old")
        self.clock = Clock()
        self.baseline = Baseline(folder / "fim.db")
        self.watch = Watch(self.baseline, Places([Place(str(self.folder), "test")]), self.clock)
        if looked:
            assert self.round() == []

    def round(self) -> list[tuple[str, str]]:
        self.watch.begin()
        found = self.told(self.watch.work(1.0))
        self.watch.heard()
        assert not self.watch.in_round
        self.baseline.finish_round(1)
        return found

    def told(self, findings: list[Finding]) -> list[tuple[str, str]]:
        return [(one.path.removeprefix(f"{self.folder}/"), one.change.action) for one in findings]

    def report(self, *names: str) -> list[tuple[str, str]]:
        for name in names:
            self.watch.report(f"{self.folder}/{name}", WHO)
        self.clock.now += SETTLE
        return self.told(self.watch.work(1.0))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.baseline.close()


@pytest.fixture
def unseen(tmp_path: Path) -> Iterator[Desk]:
    """A folder that nobody has looked at yet."""
    made = Desk(tmp_path, looked=False)
    (made.folder / "settings").write_text("changed just now")
    yield made
    made.baseline.close()


def test_the_first_round_tells_nothing_the_next_what_changed_meanwhile(desk: Desk) -> None:
    (desk.folder / "new").write_text("x")
    (desk.folder / "old").write_text("other")
    assert sorted(desk.round()) == [("new", "file_created"), ("old", "file_modified")]
    (desk.folder / "old").unlink()
    (desk.folder / "new").chmod(0o4755)
    assert sorted(desk.round()) == [("new", "file_attributes"), ("old", "file_deleted")]
    assert desk.round() == []


def test_a_change_that_hides_behind_its_old_times_is_seen(desk: Desk) -> None:
    path = desk.folder / "old"
    before = path.stat()
    path.write_text("OLD")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert desk.round() == [("old", "file_modified")]


def test_a_reported_path_is_looked_at_once_it_has_settled(desk: Desk) -> None:
    (desk.folder / "new").write_text("x")
    desk.watch.report(f"{desk.folder}/new", WHO)
    assert desk.watch.work(1.0) == []
    desk.watch.report(f"{desk.folder}/new", WHO)
    desk.clock.now += SETTLE
    (finding,) = desk.watch.work(1.0)
    assert (finding.who, finding.live, finding.before) == (WHO, True, None)
    assert desk.round() == []


def test_a_change_during_the_first_round_is_told_though_the_round_gets_there_before_it_settles(unseen: Desk) -> None:
    watch, settings = unseen.watch, str(unseen.folder / "settings")
    watch.begin()
    watch.report(settings, WHO)
    assert watch.work(1.0) == []
    assert not watch.in_round
    unseen.baseline.finish_round(1)
    unseen.clock.now += SETTLE
    (told,) = watch.work(1.0)
    assert (told.path, told.who, told.live) == (settings, WHO, True)
    watch.begin()
    assert watch.work(1.0) == []


def test_a_change_that_the_first_round_meets_before_its_report_is_told(unseen: Desk) -> None:
    watch, settings = unseen.watch, str(unseen.folder / "settings")
    watch.begin()
    assert watch.work(1.0) == []
    watch.report(settings, WHO)
    watch.heard()
    watch.report(str(unseen.folder / "old"), WHO)
    unseen.baseline.finish_round(1)
    unseen.clock.now += SETTLE
    (told,) = watch.work(1.0)
    assert (told.path, told.who, told.live) == (settings, WHO, True)


def test_a_reported_path_that_a_round_passes_keeps_who_changed_it(desk: Desk) -> None:
    (desk.folder / "old").write_text("other")
    desk.watch.report(str(desk.folder / "old"), WHO)
    assert desk.round() == []
    desk.clock.now += SETTLE
    (told,) = desk.watch.work(1.0)
    assert (told.change.action, told.who) == ("file_modified", WHO)


def test_a_path_that_never_settles_is_looked_at_all_the_same(desk: Desk) -> None:
    found: list[Finding] = []
    for number in range(20):
        (desk.folder / "busy").write_text("x" * number)
        desk.watch.report(f"{desk.folder}/busy", WHO)
        desk.clock.now += SETTLE / 2
        found += desk.watch.work(1.0)
    assert [one.change.action for one in found] == ["file_created"]


def test_a_folder_that_comes_brings_what_is_in_it_and_takes_it_along(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f").write_text("x")
    (tmp_path / "d").rename(desk.folder / "d")
    names = ["d", "d/e", "d/e/f"]
    assert desk.report("d") == [(name, "file_created") for name in names]
    (desk.folder / "d").rename(tmp_path / "d")
    assert desk.report("d") == [(name, "file_deleted") for name in names]


def test_a_file_in_a_new_folder_is_its_writers_and_not_the_folders(desk: Desk) -> None:
    (desk.folder / "d").mkdir()
    (desk.folder / "d" / "f").touch()
    other = Who(8, "/usr/bin/touch")
    desk.watch.report(f"{desk.folder}/d", WHO)
    desk.watch.report(f"{desk.folder}/d/f", other)
    findings = desk.watch.work(1.0, unsettled=True)
    assert [(path, one.who) for (path, _), one in zip(desk.told(findings), findings, strict=True)] == [
        ("d", WHO),
        ("d/f", other),
    ]


def test_a_renamed_file_says_what_it_was(desk: Desk) -> None:
    (desk.folder / "old").rename(desk.folder / "new")
    for name in ("old", "new"):
        desk.watch.report(f"{desk.folder}/{name}", WHO)
    findings = desk.watch.work(1.0, unsettled=True)
    assert desk.told(findings) == [("old", "file_deleted"), ("new", "file_created")]
    assert moved_from(findings) == {f"{desk.folder}/new": f"{desk.folder}/old"}


def test_a_file_replaced_by_a_rename_is_a_changed_file(desk: Desk) -> None:
    (desk.folder / "tmp").write_text("new content")
    (desk.folder / "tmp").rename(desk.folder / "old")
    assert desk.report("tmp", "old") == [("old", "file_modified")]


def test_pending_paths_are_bounded_and_a_round_is_due(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_PENDING", 2)
    for number in range(3):
        (desk.folder / str(number)).touch()
    assert desk.report("0", "1", "2") == [("0", "file_created"), ("1", "file_created")]
    assert desk.watch.overflowed
    assert desk.round() == [("2", "file_created")]
    assert not desk.watch.overflowed


def test_a_large_folder_that_comes_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_PENDING", 3)
    (desk.folder / "d").mkdir()
    for number in range(5):
        (desk.folder / "d" / str(number)).touch()
    assert len(desk.report("d")) == 3
    assert desk.watch.overflowed
    assert len(desk.round()) == 3


def test_more_files_than_can_be_remembered_are_said_to_be(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.fim.baseline.MAX_ENTRIES", len(desk.baseline))
    (desk.folder / "one-too-many").touch()
    assert desk.round() == []
    assert desk.watch.too_many


def test_a_round_is_done_in_slices(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (desk.folder / str(number)).touch()

    def slowly(path: str, before: Entry | None) -> Entry | None:
        desk.clock.now += 0.01
        return look(path, before)

    monkeypatch.setattr("agent.fim.watch.look", slowly)
    desk.watch.begin()
    slices = 0
    found: list[Finding] = []
    while desk.watch.in_round:
        found += desk.watch.work(0.1)
        slices += 1
    assert len(found) == 50
    assert slices > 4
    for path in desk.folder.iterdir():
        path.unlink()
    desk.watch.begin()
    sizes: list[int] = []
    while desk.watch.in_round:
        sizes.append(len(desk.watch.work(0.1)))
    assert sum(sizes) == 51
    assert max(sizes) < 20


def test_what_cannot_be_looked_at_is_counted_and_not_taken_for_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:

    def refusing(path: str, before: Entry | None) -> Entry | None:
        if path.endswith("/old"):
            raise PermissionError(13, "no")
        return look(path, before)

    monkeypatch.setattr("agent.fim.watch.look", refusing)
    assert desk.round() == []
    assert desk.watch.unreadable == 1
    monkeypatch.setattr("agent.fim.watch.look", look)
    assert desk.round() == []


def test_places_no_longer_watched_are_forgotten_without_a_word(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    desk.watch = Watch(desk.baseline, Places([Place(str(other), "test")]), desk.clock)
    assert [action for _, action in desk.round()] == ["file_created"]
    assert len(desk.baseline) == 1


def test_a_reported_folder_is_looked_through_once_it_has_rested_and_not_all_the_time(desk: Desk) -> None:
    (desk.folder / "d").mkdir()
    (desk.folder / "d" / "new").write_text("x")
    (desk.folder / "old").unlink()
    desk.watch.report_tree(str(desk.folder))
    assert desk.watch.work(1.0) == []
    assert desk.watch.rest() == TREE_SETTLE
    desk.clock.now += TREE_SETTLE
    findings = desk.watch.work(1.0)
    assert desk.told(findings) == [("d", "file_created"), ("d/new", "file_created"), ("old", "file_deleted")]
    assert all(one.live for one in findings)
    assert desk.watch.rest() is None
    (desk.folder / "d" / "new").write_text("other")
    desk.watch.report_tree(str(desk.folder))
    desk.clock.now += TREE_SETTLE
    assert desk.watch.work(1.0) == []
    desk.clock.now += TREE_EVERY - TREE_SETTLE
    assert desk.told(desk.watch.work(1.0)) == [("d/new", "file_modified")]
    assert desk.round() == []


def test_of_a_folder_that_is_not_watched_itself_only_its_own_files_are_looked_at(desk: Desk) -> None:
    above = desk.folder.parent
    (above / "one.exe").write_text("x")
    watched = [Place(str(desk.folder), "test"), Place(f"{above}/*.exe", "test", tree=False)]
    desk.watch = Watch(desk.baseline, Places(watched), desk.clock)
    assert desk.round() == [(f"{above}/one.exe", "file_created")]
    (above / "one.exe").unlink()
    (above / "two.exe").write_text("x")
    (above / "other").write_text("x")
    (desk.folder / "deeper").write_text("x")
    desk.watch.report_tree(str(above), deep=False)
    desk.clock.now += TREE_SETTLE
    found = sorted(desk.told(desk.watch.work(1.0)))
    assert found == [(f"{above}/one.exe", "file_deleted"), (f"{above}/two.exe", "file_created")]


def test_a_reported_folder_does_not_disturb_a_round_that_goes_on_and_waits_for_the_first_one(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    for number in range(5):
        (tmp_path / "watched" / str(number)).touch()
    clock, baseline = Clock(), Baseline(tmp_path / "fim.db")
    watch = Watch(baseline, Places([Place(str(tmp_path / "watched"), "test")]), clock)
    watch.report_tree(str(tmp_path / "watched"))
    clock.now += TREE_SETTLE
    watch.begin()
    assert watch.work(1.0) == []
    baseline.finish_round(1)
    (tmp_path / "watched" / "new").touch()
    watch.begin()
    found = watch.work(1.0)
    assert [(one.change.action, one.live) for one in found] == [("file_created", True)]
    assert not watch.is_going
    baseline.close()
